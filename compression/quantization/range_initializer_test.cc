#include "compression/quantization/range_initializer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <limits>
#include <string>

#include "compression/analysis/calibration_net.h"
#include "compression/quantization/placement.h"
#include "config/object_reader.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

RangeRules rules(const std::string& json) {
  const nlohmann::json parsed = nlohmann::json::parse(json);
  config::ObjectReader reader(parsed, "$");
  RangeRules result = RangeRules::read(reader);
  EXPECT_TRUE(reader.finish().ok());
  return result;
}

struct Fixture {
  Fixture() : model(make_calibration_net()) {
    const QuantizerSetup setup = *place_quantizers(model->graph(), {});
    quantizers = *insert_quantizers(model->graph(), setup, {});
  }
  const Quantizer& quantizer(const std::string& name) const {
    for (const InsertedQuantizer& q : quantizers) {
      if (q.quantizer->name() == name) return *q.quantizer;
    }
    ADD_FAILURE() << "no quantizer " << name;
    return *quantizers[0].quantizer;
  }
  std::shared_ptr<graph::Model> model;
  std::vector<InsertedQuantizer> quantizers;
};

float scale(const Quantizer& quantizer) { return quantizer.parameters()[0]->tensor().max().item<float>(); }

TEST(RangeInitializer, WeightsFromTheTensors) {
  Fixture f;
  ASSERT_TRUE(initialize_weight_ranges(f.quantizers, rules("{}")).ok());
  const at::Tensor w = f.model->graph().find_parameter("conv2.weight")->tensor();
  EXPECT_FLOAT_EQ(scale(f.quantizer("conv2.weight")), w.abs().max().item<float>());
  EXPECT_TRUE(f.quantizer("conv2.weight").has_range());
  EXPECT_FALSE(f.quantizer("x").has_range());
}

TEST(RangeInitializer, ActivationsFromTheFullPrecisionModel) {
  Fixture f;
  ASSERT_TRUE(initialize_weight_ranges(f.quantizers, rules("{}")).ok());
  f.model->train();
  const at::Tensor data = scattered({8, 2, 4, 4}, 5);
  TensorLoader loader(data, 3);
  ASSERT_TRUE(initialize_activation_ranges(*f.model, f.quantizers, rules("{}"), loader).ok());
  EXPECT_TRUE(f.model->is_training());
  EXPECT_FLOAT_EQ(scale(f.quantizer("x")), data.abs().max().item<float>());
  // The same network without quantizers says what goes into conv2.
  const auto plain = make_calibration_net();
  float most = 0;
  plain->set_observer([&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (node.op() == "aten::relu") most = outputs[0].toTensor().max().item<float>();
  });
  ASSERT_TRUE(plain->forward_tensor({data}).ok());
  for (const InsertedQuantizer& q : f.quantizers) {
    EXPECT_TRUE(q.quantizer->is_enabled());
    if (q.quantizer->is_weight() || q.quantizer->name() == "x") continue;
    EXPECT_FLOAT_EQ(scale(*q.quantizer), most);
    EXPECT_FALSE(q.quantizer->is_signed());
  }
}

TEST(RangeInitializer, TakesAsManySamplesAsAsked) {
  Fixture f;
  at::Tensor data = scattered({8, 2, 4, 4}, 5);
  data.narrow(0, 5, 3).mul_(100);  // not among the first five
  TensorLoader loader(data, 4);
  ASSERT_TRUE(
      initialize_activation_ranges(*f.model, f.quantizers, rules(R"({"range": {"num_init_samples": 5}})"), loader)
          .ok());
  EXPECT_LE(scale(f.quantizer("x")), 1);
  ASSERT_TRUE(
      initialize_activation_ranges(*f.model, f.quantizers, rules(R"({"range": {"num_init_samples": 6}})"), loader)
          .ok());
  EXPECT_GT(scale(f.quantizer("x")), 1);
}

TEST(RangeInitializer, RulesMayAskForDifferentNumbers) {
  Fixture f;
  at::Tensor data = scattered({8, 2, 4, 4}, 5);
  data.narrow(0, 3, 5).mul_(100);
  TensorLoader loader(data, 4);
  ASSERT_TRUE(
      initialize_activation_ranges(*f.model, f.quantizers,
                                   rules(R"({"range": [{"num_init_samples": 3, "target_quantizer_group": "activations",
                                        "ignored_scopes": ["relu"]},
                                      {"num_init_samples": 8, "target_quantizer_group": "activations",
                                       "target_scopes": ["relu"]}]})"),
                                   loader)
          .ok());
  EXPECT_LE(scale(f.quantizer("x")), 1);
  for (const InsertedQuantizer& q : f.quantizers) {
    if (!q.quantizer->is_weight() && q.quantizer->name() != "x") EXPECT_GT(scale(*q.quantizer), 50);
  }
}

TEST(RangeInitializer, EmptyLoaderAndNaNNameTheQuantizer) {
  Fixture f;
  TensorLoader empty(scattered({0, 2, 4, 4}, 5), 4);
  const absl::Status nothing = initialize_activation_ranges(*f.model, f.quantizers, rules("{}"), empty);
  EXPECT_EQ(nothing.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(nothing.message().find("x"), std::string::npos);
  TensorLoader bad(at::full({4, 2, 4, 4}, std::numeric_limits<double>::quiet_NaN()), 4);
  const absl::Status status = initialize_activation_ranges(*f.model, f.quantizers, rules("{}"), bad);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("quantizer x"), std::string::npos) << status;
}

TEST(RangeInitializer, AnErrorLeavesAllRangesAsTheyWere) {
  const at::NoGradGuard no_grad;
  Fixture f;
  const RangeRules means = rules(R"({"range": {"type": "mean_percentile"}})");
  const at::Tensor data = scattered({8, 2, 4, 4}, 5);
  TensorLoader loader(data, 4), larger(data.mul(100), 4);
  ASSERT_TRUE(initialize_ranges(*f.model, f.quantizers, means, loader).ok());
  const float of_input = scale(f.quantizer("x")), of_weight = scale(f.quantizer("conv1.weight"));
  // The quantizers of the input and of the weights come before the one that sees the NaN.
  f.model->graph().find_parameter("conv1.weight")->tensor().mul_(2);
  f.model->graph().find_parameter("bn1.weight")->tensor().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(initialize_activation_ranges(*f.model, f.quantizers, means, larger).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(initialize_ranges(*f.model, f.quantizers, means, larger).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(scale(f.quantizer("x")), of_input);
  EXPECT_EQ(scale(f.quantizer("conv1.weight")), of_weight);
}

TEST(RangeInitializer, NoSamplesMeanNoData) {
  Fixture f;
  TensorLoader empty(scattered({0, 2, 4, 4}, 5), 4);
  ASSERT_TRUE(initialize_ranges(*f.model, f.quantizers, rules(R"({"range": {"num_init_samples": 0}})"), empty).ok());
  EXPECT_TRUE(f.quantizer("x").has_range());
  EXPECT_FALSE(f.quantizer("x").is_signed());
  EXPECT_EQ(scale(f.quantizer("x")), 1);
  const at::Tensor weight = f.model->graph().find_parameter("conv2.weight")->tensor();
  EXPECT_FLOAT_EQ(scale(f.quantizer("conv2.weight")), weight.abs().max().item<float>());
}

TEST(RangeInitializer, SharedScalesCoverBoth) {
  graph::Graph graph;
  graph::Value* x = graph.add_input("x");
  graph::Value* y = graph.add_input("y");
  QuantizerSetup setup;
  graph::Node* a = add_node(graph, "a", "aten::relu", {{"self", x}});
  graph::Node* b = add_node(graph, "b", "aten::relu", {{"self", y}});
  at::Tensor wx = at::tensor({1.0f, -3.0f}), wy = at::tensor({2.0f, 0.5f});
  graph::Value* px = graph.add_parameter("px", wx).value();
  graph::Value* py = graph.add_parameter("py", wy).value();
  ASSERT_TRUE(graph.set_input(a, 0, px).ok());
  ASSERT_TRUE(graph.set_input(b, 0, py).ok());
  setup.points.push_back({.value = px, .uses = {{a, 0}}, .is_weight = true, .name = "px", .unified_scale_group = 1});
  setup.points.push_back({.value = py, .uses = {{b, 0}}, .is_weight = true, .name = "py", .unified_scale_group = 1});
  const auto quantizers = *insert_quantizers(graph, setup, {});
  ASSERT_TRUE(initialize_weight_ranges(quantizers, rules("{}")).ok());
  EXPECT_FLOAT_EQ(scale(*quantizers[1].quantizer), 3);
  EXPECT_TRUE(quantizers[1].quantizer->is_signed());  // The other's values are negative.
}

}  // namespace
}  // namespace pare::quantization
