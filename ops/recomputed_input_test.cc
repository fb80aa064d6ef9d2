#include "ops/recomputed_input.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "gtest/gtest.h"
#include "ops/fake_quantize.h"

namespace pare::ops {
namespace {

at::Tensor symmetric(const at::Tensor& x, const at::Tensor& scale, int64_t axis) {
  return fake_quantize_symmetric(x, scale, -128, 127, axis, 1e-16, GradientRule::kExact);
}

at::Tensor asymmetric(const at::Tensor& x, const at::Tensor& low, const at::Tensor& range) {
  return fake_quantize_asymmetric(x, low, range, 256, -1, 1e-16, GradientRule::kExact);
}

struct Leaves {
  at::Tensor x = at::randn({2, 3, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
  at::Tensor scale = at::full({1}, 1.5).requires_grad_();
  at::Tensor low = at::full({1}, -1.0).requires_grad_();
  at::Tensor range = at::full({1}, 2.5).requires_grad_();
  at::Tensor weight = at::randn({4, 3, 3, 3}).requires_grad_();
  at::Tensor weight_scale = at::full({4, 1, 1, 1}, 2.0).requires_grad_();
};

TEST(RecomputedInput, GradientsAreTheSameToTheLastBitAndTheInputIsFree) {
  at::manual_seed(3);
  const Leaves leaves;
  const std::vector<at::Tensor> all = {leaves.x,     leaves.scale,  leaves.low,
                                       leaves.range, leaves.weight, leaves.weight_scale};
  const auto gradients = [&](bool recomputes) {
    std::vector<c10::weak_intrusive_ptr<c10::StorageImpl>> quantized;
    at::Tensor sum;
    {
      const at::Tensor first = symmetric(leaves.x, leaves.scale, -1),
                       weight = symmetric(leaves.weight, leaves.weight_scale, 0);
      const at::Tensor second = asymmetric(leaves.x, leaves.low, leaves.range);
      const at::Tensor y = at::conv2d(first, weight), z = at::conv2d(second, weight);
      if (recomputes) {
        EXPECT_EQ(recompute_quantized_inputs(y), 2);
        EXPECT_EQ(recompute_quantized_inputs(z), 2);
      }
      sum = (y * z).sum();
      for (const at::Tensor& each : {first, second, weight}) {
        quantized.push_back(each.storage().getWeakStorageImpl());
      }
    }
    for (const auto& storage : quantized) EXPECT_EQ(storage.expired(), recomputes);
    return torch::autograd::grad({sum}, all);
  };
  const auto expected = gradients(false), found = gradients(true);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(at::equal(found[i], expected[i])) << i;
}

TEST(RecomputedInput, LeavesAllElseAlone) {
  const Leaves leaves;
  EXPECT_EQ(recompute_quantized_inputs(at::Tensor()), 0);
  EXPECT_EQ(recompute_quantized_inputs(leaves.x), 0);
  EXPECT_EQ(recompute_quantized_inputs(at::conv2d(leaves.x, leaves.weight)), 0);
  const at::Tensor x = symmetric(leaves.x, leaves.scale, -1);
  EXPECT_EQ(recompute_quantized_inputs(at::relu(x)), 0);
  const at::NoGradGuard no_grad;
  EXPECT_EQ(recompute_quantized_inputs(at::conv2d(x, leaves.weight)), 0);
}

TEST(RecomputedInput, AChangeOfWhatIsNeededIsAnErrorAndNotAWrongGradient) {
  const Leaves leaves;
  const at::Tensor y = at::conv2d(symmetric(leaves.x * 1, leaves.scale, -1), leaves.weight);
  EXPECT_EQ(recompute_quantized_inputs(y), 1);
  {
    const at::NoGradGuard no_grad;
    leaves.scale.mul_(2);
  }
  EXPECT_THROW(torch::autograd::grad({y.sum()}, {leaves.weight}), c10::Error);
}

TEST(RecomputedInput, ASecondBackwardIsWhatItIsElsewhere) {
  const Leaves leaves;
  const at::Tensor y = at::conv2d(symmetric(leaves.x, leaves.scale, -1), leaves.weight).sum();
  const at::Tensor z = at::conv2d(symmetric(leaves.x, leaves.scale, -1), leaves.weight);
  EXPECT_EQ(recompute_quantized_inputs(z), 1);
  const at::Tensor sum = z.sum();
  const auto expected = torch::autograd::grad({y}, {leaves.weight});
  for (const bool keeps : {true, false}) {
    EXPECT_TRUE(at::equal(torch::autograd::grad({sum}, {leaves.weight, leaves.scale}, {}, keeps)[0], expected[0]));
  }
  EXPECT_THROW(torch::autograd::grad({sum}, {leaves.weight}), c10::Error);
}

}  // namespace
}  // namespace pare::ops
