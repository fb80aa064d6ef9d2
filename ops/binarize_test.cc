#include "ops/binarize.h"

#include <ATen/core/grad_mode.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using torch::Tensor;

Tensor leaf(const Tensor& values) { return values.detach().clone().requires_grad_(); }

// The same numbers in other orders of memory, and of other types.
std::vector<Tensor> variants(const Tensor& x) {
  return {x, x.contiguous(at::MemoryFormat::ChannelsLast), torch::cat({x, x}, 3).slice(3, 0, x.size(3)),
          x.to(torch::kDouble)};
}

class BinarizeTest : public ::testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(7); }
};

TEST_F(BinarizeTest, WeightsAreAtensSignsTimesTheMean) {
  const Tensor base = torch::randn({6, 5, 3, 3});
  for (const Tensor& w : variants(base)) {
    const Tensor sign = torch::where(base > 0, torch::ones({}), -torch::ones({}));
    for (const int64_t axis : {0, 1}) {
      const Tensor mean =
          base.abs().mean(axis == 0 ? torch::IntArrayRef({1, 2, 3}) : torch::IntArrayRef({0, 2, 3}), true);
      const Tensor y = binarize_weights_xnor(w, axis);
      EXPECT_EQ(y.scalar_type(), w.scalar_type());
      EXPECT_TRUE(torch::allclose(y.to(torch::kFloat), mean * sign, 1e-5, 0)) << axis;
    }
    EXPECT_TRUE(torch::allclose(binarize_weights_dorefa(w).to(torch::kFloat), base.abs().mean() * sign, 1e-5, 0));
  }
}

TEST_F(BinarizeTest, WeightsPassTheGradientOn) {
  const Tensor w = leaf(torch::randn({4, 3, 2, 2})), factors = torch::randn({4, 3, 2, 2});
  ((binarize_weights_xnor(w, 0) + binarize_weights_dorefa(w)) * factors).sum().backward();
  EXPECT_TRUE(torch::equal(w.grad(), factors + factors));
}

TEST_F(BinarizeTest, ZeroIsNegativeAndNanShows) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = binarize_weights_xnor(torch::tensor({{0.0f, 4.0f}, {nan, 1.0f}}), 0);
  EXPECT_EQ(y[0][0].item<float>(), -2.0f);
  EXPECT_EQ(y[0][1].item<float>(), 2.0f);
  EXPECT_TRUE(std::isnan(y[1][0].item<float>()) && std::isnan(y[1][1].item<float>()));
}

// METHODS' formulas, written out with ATen's operators in double precision.
TEST_F(BinarizeTest, ActivationsAndTheirGradientsAreTheFormulas) {
  const Tensor base = torch::randn({3, 4, 5, 7}), weights = torch::randn({3, 4, 5, 7});
  for (const double scale0 : {0.7, 1.5}) {
    for (const Tensor& input : variants(base)) {
      const Tensor x = input.detach().requires_grad_();
      const Tensor scale = leaf(torch::full({1, 1}, scale0));
      const Tensor threshold = leaf(torch::tensor({0.2, 0.5, 0.9, -0.3}).view({1, 4, 1, 1}));
      const Tensor y = binarize_activations(x, scale, threshold, 1);
      (y * weights).sum().backward();

      const Tensor xd = base.to(torch::kDouble), g = weights.to(torch::kDouble);
      const double s = scale.item<float>();
      const Tensor t = threshold.detach().to(torch::kDouble);
      const Tensor yd = (xd > s * t).to(torch::kDouble) * s;
      EXPECT_TRUE(torch::equal(y.detach().to(torch::kFloat), yd.to(torch::kFloat)));
      const Tensor dx = g * ((xd >= 0) & (xd <= s));
      const Tensor ds = (g * ((xd <= s) * (yd - xd) / s + (xd > s).to(torch::kDouble))).sum();
      const Tensor dt = -(g * ((xd > 0) & (xd < s))).sum(torch::IntArrayRef({0, 2, 3}), true);
      EXPECT_TRUE(torch::equal(x.grad().to(torch::kFloat), dx.to(torch::kFloat)));
      EXPECT_EQ(scale.grad().sizes(), scale.sizes());
      EXPECT_TRUE(torch::allclose(scale.grad().to(torch::kDouble).squeeze(), ds, 1e-4, 1e-4));
      EXPECT_EQ(threshold.grad().sizes(), threshold.sizes());
      EXPECT_TRUE(torch::allclose(threshold.grad().to(torch::kDouble), dt, 1e-4, 1e-4));
    }
  }
}

TEST_F(BinarizeTest, HalfPrecisionIsThatOfItsNumbersInFloat) {
  for (const auto type : {torch::kHalf, torch::kBFloat16}) {
    const Tensor numbers = torch::randn({3, 4, 5, 7}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
    const Tensor weights = torch::randn({3, 4, 5, 7}).to(type);
    const auto run = [&](torch::ScalarType run_type) {
      const Tensor w = leaf(numbers.to(run_type)), x = leaf(numbers.to(run_type));
      const Tensor scale = leaf(torch::tensor({0.7f})), threshold = leaf(torch::tensor({0.2f, 0.5f, 0.9f, -0.3f}));
      const Tensor xnor = binarize_weights_xnor(w, 0), y = binarize_activations(x, scale, threshold, 1);
      xnor.backward(weights.to(run_type));
      y.backward(weights.to(run_type));
      return std::vector<Tensor>{y.detach(), w.grad(), x.grad(), xnor.detach(), scale.grad(), threshold.grad()};
    };
    const std::vector<Tensor> half = run(type), single = run(torch::kFloat);
    for (const size_t i : {0, 1, 2}) {
      EXPECT_EQ(half[i].scalar_type(), type);
      EXPECT_TRUE(torch::equal(half[i], single[i].to(type))) << i;
    }
    // The scale is a sum, which may round otherwise, and half precision then once more.
    const double last_bit = type == torch::kHalf ? 1e-3 : 8e-3;
    EXPECT_TRUE(torch::allclose(half[3].to(torch::kFloat), single[3], last_bit, 0));
    for (const size_t i : {4, 5}) {
      EXPECT_EQ(half[i].scalar_type(), torch::kFloat);
      EXPECT_TRUE(torch::allclose(half[i], single[i], 1e-4, 1e-4)) << i;
    }
  }
}

TEST_F(BinarizeTest, OnlyWhatIsAskedForIsComputed) {
  const Tensor x = torch::randn({2, 3}), scale = torch::ones({1}), threshold = leaf(torch::full({1}, 0.5));
  binarize_activations(x, scale, threshold, -1).sum().backward();
  EXPECT_TRUE(threshold.grad().defined());
  EXPECT_FALSE(x.grad().defined() || scale.grad().defined());
  torch::NoGradGuard guard;
  EXPECT_EQ(binarize_activations(x, scale, threshold, -1).grad_fn(), nullptr);
}

TEST_F(BinarizeTest, EmptyTensors) {
  EXPECT_EQ(binarize_weights_xnor(torch::empty({0, 3}), 0).numel(), 0);
  EXPECT_EQ(binarize_weights_dorefa(torch::empty({0})).numel(), 0);
  const Tensor x = leaf(torch::empty({0, 3})), scale = leaf(torch::ones({1})), threshold = leaf(torch::ones({3}));
  binarize_activations(x, scale, threshold, 1).sum().backward();
  EXPECT_EQ(scale.grad().item<float>(), 0);
  EXPECT_TRUE(torch::equal(threshold.grad(), torch::zeros({3})));
}

TEST_F(BinarizeTest, ASecondDerivativeIsRefusedNotZero) {
  const Tensor x = leaf(torch::randn({9})), scale = torch::ones({1}), threshold = torch::zeros({1});
  const Tensor y = binarize_activations(x, scale, threshold, -1).sum();
  EXPECT_THROW(torch::autograd::grad({y}, {x}, {}, true, true), c10::Error);
}

TEST_F(BinarizeTest, RefusesWrongArguments) {
  const Tensor x = torch::zeros({2, 3}), one = torch::ones({1});
  EXPECT_THROW(binarize_weights_xnor(x, -1), c10::Error);
  EXPECT_THROW(binarize_weights_xnor(x, 2), c10::Error);
  EXPECT_THROW(binarize_weights_xnor(Tensor(), 0), c10::Error);
  EXPECT_THROW(binarize_weights_dorefa(x.to(torch::kLong)), c10::Error);
  EXPECT_THROW(binarize_activations(x, torch::ones({2}), one, -1), c10::Error);
  EXPECT_THROW(binarize_activations(x, one, torch::ones({2}), 1), c10::Error);
  EXPECT_THROW(binarize_activations(x, one, one, 2), c10::Error);
  EXPECT_THROW(binarize_activations(x, Tensor(), one, -1), c10::Error);
  EXPECT_THROW(binarize_activations(x, one, Tensor(), -1), c10::Error);
}

}  // namespace
}  // namespace pare::ops
