#include "compression/quantization/quantizer.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

// A quantizer with parameters of its own in a graph.
struct Fixture {
  explicit Fixture(QuantizerConfig config, Quantizer::Options options = {}) : quantizer("q", config, options) {
    std::vector<graph::Value*> values;
    for (const std::string& name : Quantizer::parameter_names(config)) {
      at::Tensor tensor = at::ones({1});
      tensor.set_requires_grad(true);
      values.push_back(graph.add_parameter(name, tensor).value());
    }
    quantizer.attach(values);
  }
  float parameter(int index, int64_t channel = 0) const {
    return quantizer.parameters()[index]->tensor()[channel].item<float>();
  }
  at::Tensor run(const at::Tensor& x) {
    std::vector<at::Tensor> inputs{x};
    for (const graph::Value* value : quantizer.parameters()) inputs.push_back(value->tensor());
    return quantizer.forward(inputs);
  }
  graph::Graph graph;
  Quantizer quantizer;
};

constexpr auto kAsymmetric = QuantizationMode::kAsymmetric;

TEST(Quantizer, HandsThroughWithoutRangeAndWhenOff) {
  Fixture f({.bits = 2});
  const at::Tensor x = at::tensor({0.3f, -0.7f});
  EXPECT_TRUE(f.run(x).equal(x));
  ASSERT_TRUE(f.quantizer.set_range({{-1}, {1}}).ok());
  EXPECT_FALSE(f.run(x).equal(x));
  f.quantizer.set_enabled(false);
  EXPECT_TRUE(f.run(x).equal(x));
}

TEST(Quantizer, SymmetricSignedByHand) {
  // 3 bits: levels -4..3, scale 3, step 1.
  Fixture f({.bits = 3});
  ASSERT_TRUE(f.quantizer.set_range({{-3}, {2}}).ok());
  EXPECT_TRUE(f.quantizer.is_signed());
  EXPECT_FLOAT_EQ(f.parameter(0), 3);
  EXPECT_TRUE(f.run(at::tensor({-9.0f, -0.6f, 0.5f, 1.5f, 2.4f, 9.0f}))
                  .equal(at::tensor({-4.0f, -1.0f, 0.0f, 2.0f, 2.0f, 3.0f})));
}

TEST(Quantizer, SymmetricIsUnsignedWithoutNegatives) {
  // 2 bits: levels 0..3, step 2.
  Fixture f({.bits = 2});
  ASSERT_TRUE(f.quantizer.set_range({{0}, {6}}).ok());
  EXPECT_FALSE(f.quantizer.is_signed());
  EXPECT_TRUE(f.run(at::tensor({-1.0f, 2.9f, 9.0f})).equal(at::tensor({0.0f, 2.0f, 6.0f})));
}

TEST(Quantizer, ConfigDecidesSignedness) {
  Fixture is_signed({.is_signed = true}), is_unsigned({.is_signed = false});
  ASSERT_TRUE(is_signed.quantizer.set_range({{0}, {1}}).ok());
  ASSERT_TRUE(is_unsigned.quantizer.set_range({{-5}, {1}}).ok());
  EXPECT_TRUE(is_signed.quantizer.is_signed());
  EXPECT_TRUE(is_unsigned.quantizer.is_signed()) << "NNCF: signed is used instead for negative values";
  EXPECT_FLOAT_EQ(is_unsigned.parameter(0), 5);
  ASSERT_TRUE(is_unsigned.quantizer.set_range({{0}, {2}}).ok());
  EXPECT_FALSE(is_unsigned.quantizer.is_signed());
}

TEST(Quantizer, NumberOfChannelsBeforeTheRange) {
  Fixture f({.mode = kAsymmetric, .per_channel = true}), per_tensor({});
  ASSERT_TRUE(f.quantizer.set_num_channels(3).ok());
  for (const graph::Value* parameter : f.quantizer.parameters()) {
    EXPECT_TRUE(parameter->tensor().equal(at::ones({3})));
    EXPECT_TRUE(parameter->tensor().requires_grad());
  }
  EXPECT_FALSE(f.quantizer.has_range());
  EXPECT_FALSE(per_tensor.quantizer.set_num_channels(3).ok());
  ASSERT_TRUE(f.quantizer.set_range({{0, 0}, {1, 1}}).ok());
  EXPECT_FALSE(f.quantizer.set_num_channels(3).ok()) << "a range is not thrown away";
}

TEST(Quantizer, FloorIsRelativeToTheLargestChannel) {
  Fixture f({.per_channel = true}, {.is_weight = true, .channel_axis = 0});
  ASSERT_TRUE(f.quantizer.set_range({{-2e-6f, 0, -1e-9f}, {1e-6f, 0, 1e-9f}}).ok());
  EXPECT_FLOAT_EQ(f.parameter(0, 0), 2e-6f);  // Small as a whole: no absolute floor.
  EXPECT_FLOAT_EQ(f.parameter(0, 1), 2e-10f);
  EXPECT_FLOAT_EQ(f.parameter(0, 2), 1e-9f);
}

TEST(Quantizer, AsymmetricHoldsZeroAndHasAFloor) {
  Fixture f({.mode = kAsymmetric, .per_channel = true}, {.channel_axis = 0});
  ASSERT_TRUE(f.quantizer.set_range({{2, -1, 0.001f}, {6, 3, 0.002f}}).ok());
  EXPECT_FLOAT_EQ(f.parameter(0, 0), 0);
  EXPECT_FLOAT_EQ(f.parameter(1, 0), 6);
  EXPECT_FLOAT_EQ(f.parameter(0, 1), -1);
  EXPECT_FLOAT_EQ(f.parameter(1, 1), 4);
  EXPECT_FLOAT_EQ(f.parameter(1, 2), 0.06f);  // 1e-2 of the widest, 6
  EXPECT_NEAR(f.parameter(0, 2), -(0.06 - 0.002) / 2, 1e-7);
}

TEST(Quantizer, AllZerosGetARange) {
  Fixture f({});
  ASSERT_TRUE(f.quantizer.set_range({{0}, {0}}).ok());
  EXPECT_FLOAT_EQ(f.parameter(0), 1);
}

TEST(Quantizer, LogarithmScaleGivesTheSameValues) {
  for (const QuantizationMode mode : {QuantizationMode::kSymmetric, kAsymmetric}) {
    Fixture plain({.mode = mode}), logarithmic({.mode = mode, .logarithm_scale = true});
    ASSERT_TRUE(plain.quantizer.set_range({{-0.7f}, {1.9f}}).ok());
    ASSERT_TRUE(logarithmic.quantizer.set_range({{-0.7f}, {1.9f}}).ok());
    const at::Tensor x = at::tensor({-0.5f, 0.11f, 1.7f});
    EXPECT_TRUE(plain.run(x).allclose(logarithmic.run(x), 1e-5, 1e-6));
    EXPECT_NEAR(logarithmic.parameter(mode == kAsymmetric ? 1 : 0), std::log(mode == kAsymmetric ? 2.6 : 1.9), 1e-6);
  }
}

TEST(Quantizer, LogarithmScaleLearns) {
  Fixture f({.logarithm_scale = true});
  ASSERT_TRUE(f.quantizer.set_range({{-2}, {2}}).ok());
  f.run(at::tensor({5.0f, 7.0f})).sum().backward();
  // Both are above: dy/dS = 2, dS/dp = S = 2.
  EXPECT_NEAR(f.quantizer.parameters()[0]->tensor().grad().item<float>(), 4, 1e-5);
}

TEST(Quantizer, GradientsOfTheScale) {
  // 3 bits, S = 3, step 1. x = 1.25 -> 1: (y - x)/S = -1/12; above: 1; below: -4/3.
  for (const auto rule : {ops::GradientRule::kExact, ops::GradientRule::kNncf}) {
    Fixture f({.bits = 3}, {.gradient = rule});
    ASSERT_TRUE(f.quantizer.set_range({{-3}, {3}}).ok());
    at::Tensor x = at::tensor({1.25f, 10.0f, -10.0f});
    x.set_requires_grad(true);
    f.run(x).sum().backward();
    // NNCF divides by the range, 7.
    const float inside = rule == ops::GradientRule::kExact ? -0.25f / 3 : -0.25f / 7;
    EXPECT_NEAR(f.quantizer.parameters()[0]->tensor().grad().item<float>(), inside + 1 - 4.0f / 3, 1e-6);
    EXPECT_TRUE(x.grad().equal(at::tensor({1.0f, 0.0f, 0.0f})));
  }
}

TEST(Quantizer, RangeIsWrittenInPlaceWhenItFits) {
  Fixture f({});
  const at::Tensor before = f.quantizer.parameters()[0]->tensor();
  ASSERT_TRUE(f.quantizer.set_range({{-1}, {4}}).ok());
  EXPECT_FLOAT_EQ(before.item<float>(), 4);
  EXPECT_TRUE(before.requires_grad());
}

TEST(Quantizer, NewChannelsStayLearnable) {
  Fixture f({.per_channel = true});
  ASSERT_TRUE(f.quantizer.set_range({{-1, 0}, {1, 2}}).ok());
  EXPECT_EQ(f.quantizer.parameters()[0]->tensor().numel(), 2);
  EXPECT_TRUE(f.quantizer.parameters()[0]->tensor().requires_grad());
}

TEST(Quantizer, ObserverSeesWhatComesIn) {
  Fixture f({.bits = 2});
  ASSERT_TRUE(f.quantizer.set_range({{-1}, {1}}).ok());
  at::Tensor seen;
  f.quantizer.set_observer([&](const at::Tensor& x) { seen = x; });
  f.run(at::tensor({0.3f}));
  EXPECT_FLOAT_EQ(seen.item<float>(), 0.3f);
}

TEST(Quantizer, BadRangesNameTheQuantizer) {
  Fixture f({});
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const ValueRange& range : {ValueRange{{nan}, {1}}, ValueRange{{0}, {inf}}, ValueRange{{2}, {1}},
                                  ValueRange{{}, {}}, ValueRange{{0, 0}, {1, 1}}}) {
    const absl::Status status = f.quantizer.set_range(range);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("quantizer q"), std::string::npos) << status;
  }
  EXPECT_FALSE(f.quantizer.has_range());
}

TEST(Quantizer, StateGoesThereAndBack) {
  Fixture a({.bits = 4}), b({.bits = 4}), other({.bits = 8});
  ASSERT_TRUE(a.quantizer.set_range({{0}, {1}}).ok());
  a.quantizer.set_enabled(false);
  ASSERT_TRUE(b.quantizer.set_state(a.quantizer.state()).ok());
  EXPECT_FALSE(b.quantizer.is_enabled());
  EXPECT_TRUE(b.quantizer.has_range());
  EXPECT_FALSE(b.quantizer.is_signed());
  EXPECT_EQ(other.quantizer.set_state(a.quantizer.state()).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(b.quantizer.set_state(nlohmann::json::array()).code(), absl::StatusCode::kInvalidArgument);
  // The same parameters mean other levels with these.
  for (const QuantizerConfig& differs : {QuantizerConfig{.bits = 4, .narrow_range = true},
                                         {.bits = 4, .half_range = true},
                                         {.bits = 4, .logarithm_scale = true}}) {
    Fixture f(differs);
    EXPECT_EQ(f.quantizer.set_state(a.quantizer.state()).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(f.quantizer.set_state(f.quantizer.state()).ok());
  }
}

TEST(Quantizer, AffineParameters) {
  Fixture f({.bits = 3}), none({});
  EXPECT_EQ(none.quantizer.affine_parameters().status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(f.quantizer.set_range({{-3}, {3}}).ok());
  const auto affine = f.quantizer.affine_parameters();
  ASSERT_TRUE(affine.ok()) << affine.status();
  EXPECT_FLOAT_EQ(affine->scale[0], 1);
  EXPECT_EQ(affine->zero_point[0], 0);
  EXPECT_EQ(affine->code_low, -4);
  EXPECT_EQ(affine->code_high, 3);
}

}  // namespace
}  // namespace pare::quantization
