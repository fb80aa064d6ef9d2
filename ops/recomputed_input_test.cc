#include "ops/recomputed_input.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstring>
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

// A linear layer's input is seen as a matrix and its weight transposed: what is kept are views of what was quantized.
TEST(RecomputedInput, OfLinearLayersAsWell) {
  at::manual_seed(4);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const auto& shape : {std::vector<int64_t>{6, 16}, {2, 5, 16}}) {
      for (const bool has_bias : {true, false}) {
        const at::Tensor x = at::randn(shape).to(type).requires_grad_(), scale = at::full({1}, 1.5).requires_grad_();
        const at::Tensor weight = at::randn({8, 16}).to(type).requires_grad_();
        const at::Tensor weight_scale = at::full({8, 1}, 2.0).requires_grad_();
        const at::Tensor bias = has_bias ? at::randn({8}).to(type) : at::Tensor();
        const auto gradients = [&](bool recomputes) {
          std::vector<c10::weak_intrusive_ptr<c10::StorageImpl>> quantized;
          at::Tensor sum;
          {
            const at::Tensor first = symmetric(x, scale, -1), second = symmetric(weight, weight_scale, 0);
            const at::Tensor y = at::linear(first, second, bias);
            if (recomputes) {
              EXPECT_EQ(recompute_quantized_inputs(y), 2);
            }
            sum = (y * y).sum();
            for (const at::Tensor& each : {first, second}) quantized.push_back(each.storage().getWeakStorageImpl());
          }
          for (const auto& storage : quantized) EXPECT_EQ(storage.expired(), recomputes);
          return torch::autograd::grad({sum}, {x, scale, weight, weight_scale});
        };
        const auto expected = gradients(false), found = gradients(true);
        for (size_t i = 0; i < found.size(); ++i)
          EXPECT_TRUE(at::equal(found[i], expected[i])) << at::IntArrayRef(shape) << has_bias << i;
      }
    }
  }
}

TEST(RecomputedInput, ACopyThatALinearLayerMakesIsKeptAsItIs) {
  const at::Tensor x = at::randn({5, 2, 16}).requires_grad_(), scale = at::full({1}, 1.5);
  const at::Tensor weight = at::randn({8, 16}).requires_grad_(), bias = at::zeros({8});
  const auto gradient = [&](bool recomputes) {
    // Not contiguous: as a matrix it is another tensor.
    const at::Tensor y = at::linear(symmetric(x, scale, -1).transpose(0, 1), weight, bias);
    if (recomputes) {
      EXPECT_EQ(recompute_quantized_inputs(y), 0);
    }
    return torch::autograd::grad({(y * y).sum()}, {weight})[0];
  };
  EXPECT_TRUE(at::equal(gradient(true), gradient(false)));
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

TEST(RecomputedInput, ASecondCallChangesNothing) {
  const Leaves leaves;
  const at::Tensor x = symmetric(leaves.x, leaves.scale, -1);
  const auto expected = torch::autograd::grad({at::conv2d(x, leaves.weight).sum()}, {leaves.weight}, {}, true)[0];
  const at::Tensor y = at::conv2d(x, leaves.weight), sum = y.sum();
  EXPECT_EQ(recompute_quantized_inputs(y), 1);
  EXPECT_EQ(recompute_quantized_inputs(y), 0);
  EXPECT_TRUE(at::equal(torch::autograd::grad({sum}, {leaves.weight})[0], expected));
  EXPECT_EQ(recompute_quantized_inputs(y), 0) << "its graph is free";
}

// Two layers with one quantizer, and a gradient of each on its own.
struct Shared {
  explicit Shared(bool recomputes) {
    const at::Tensor x = symmetric(leaves.x, leaves.scale, -1);
    const at::Tensor y = at::conv2d(x, leaves.weight), z = at::conv2d(x, other);
    if (recomputes) {
      EXPECT_EQ(recompute_quantized_inputs(y) + recompute_quantized_inputs(z), 2);
    }
    first = y.sum();
    second = z.sum();
  }
  Leaves leaves;
  at::Tensor other = at::randn({2, 3, 3, 3}).requires_grad_();
  at::Tensor first, second;
};

TEST(RecomputedInput, AfterABackwardPassThroughASharedQuantizerTheOtherLayerHasNoInput) {
  const Shared without(false);
  torch::autograd::grad({without.first}, {without.leaves.scale});
  EXPECT_NO_THROW(torch::autograd::grad({without.second}, {without.other}));

  const Shared with(true);
  torch::autograd::grad({with.first}, {with.leaves.scale});
  EXPECT_THROW(torch::autograd::grad({with.second}, {with.other}), c10::Error) << "an error, and no wrong gradient";
}

TEST(RecomputedInput, ASharedQuantizerServesOneBackwardPassOrARetainedGraph) {
  const Shared shared(true);
  const at::Tensor& scale = shared.leaves.scale;
  const auto retained = torch::autograd::grad({shared.first}, {scale}, {}, /*retain_graph=*/true)[0];
  const auto both = torch::autograd::grad({shared.first + shared.second}, {scale, shared.other}, {}, true);
  const auto alone = torch::autograd::grad({shared.second}, {scale, shared.other});
  EXPECT_TRUE(at::equal(both[1], alone[1]));
  EXPECT_TRUE(at::allclose(both[0], retained + alone[0], 1e-4, 1e-4));
}

TEST(RecomputedInput, AChangeOfTheInputInPlaceIsAnError) {
  const Leaves leaves;
  const at::Tensor x = leaves.x.detach().clone();
  const at::Tensor y = at::conv2d(symmetric(x, leaves.scale, -1), leaves.weight);
  EXPECT_EQ(recompute_quantized_inputs(y), 1);
  x.mul_(2);
  EXPECT_THROW(torch::autograd::grad({y.sum()}, {leaves.weight}), c10::Error);
}

TEST(RecomputedInput, AChangeThatAutogradCannotSeeIsInTheGradient) {
  const Leaves leaves;
  const at::Tensor x = leaves.x.detach().clone(), other = at::randn_like(x);
  const at::Tensor y = at::conv2d(symmetric(x, leaves.scale, -1), leaves.weight);
  EXPECT_EQ(recompute_quantized_inputs(y), 1);
  std::memcpy(x.data_ptr(), other.data_ptr(), x.nbytes());
  const at::Tensor z = at::conv2d(symmetric(other, leaves.scale, -1), leaves.weight);
  EXPECT_TRUE(at::equal(torch::autograd::grad({y.sum()}, {leaves.weight})[0],
                        torch::autograd::grad({z.sum()}, {leaves.weight})[0]));
}

TEST(RecomputedInput, AChangeOfTheQuantizedTensorDoesNotReachTheGradient) {
  const Leaves leaves;
  const auto gradient = [&](bool recomputes, bool changes) {
    const at::Tensor x = symmetric(leaves.x, leaves.scale, -1), y = at::conv2d(x, leaves.weight);
    if (recomputes) {
      EXPECT_EQ(recompute_quantized_inputs(y), 1);
    }
    if (changes) {
      const at::NoGradGuard no_grad;
      x.mul_(3);
    }
    return torch::autograd::grad({y.sum()}, {leaves.weight})[0];
  };
  EXPECT_THROW(gradient(false, true), c10::Error);
  EXPECT_TRUE(at::equal(gradient(true, true), gradient(false, false)));
}

}  // namespace
}  // namespace pare::ops
