#include "ops/sparsity_masks.h"

#include <torch/torch.h>

#include <limits>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using torch::Tensor;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(SparsityMasks, MagnitudeIsAtens) {
  const Tensor x = torch::randn({6, 5, 3, 3});
  const double norm = x.norm().item<double>();
  for (const Tensor& input :
       {x, x.contiguous(torch::MemoryFormat::ChannelsLast), x.slice(1, 0, 4), x.to(at::kDouble)}) {
    const Tensor mask = magnitude_mask(input, 0.05, 1 / norm);
    EXPECT_EQ(mask.scalar_type(), at::kBool);
    EXPECT_TRUE(at::equal(mask, input.to(at::kFloat).abs() * static_cast<float>(1 / norm) > 0.05f));
    EXPECT_GT(mask.sum().item<int64_t>(), 0);
    EXPECT_FALSE(mask.all().item<bool>());
  }
  EXPECT_TRUE(at::equal(magnitude_mask(torch::tensor({kNan, 0.0f, -1.0f, 1.5f}), 1, 1),
                        torch::tensor({true, false, false, true})));
}

TEST(SparsityMasks, ApplyingHasTheMasksGradient) {
  const Tensor mask = torch::rand({4, 3, 5, 5}) > 0.4;
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const Tensor x = torch::randn({4, 3, 5, 5}).contiguous(torch::MemoryFormat::ChannelsLast).to(type);
    const Tensor leaf = x.detach().clone().requires_grad_(), weights = torch::randn({4, 3, 5, 5}).to(type);
    const Tensor y = apply_mask(leaf, mask);
    EXPECT_EQ(y.scalar_type(), type);
    EXPECT_TRUE(at::equal(y, (x.to(at::kFloat) * mask).to(type)));
    (y * weights).sum().backward();
    EXPECT_TRUE(at::equal(leaf.grad(), (weights.to(at::kFloat) * mask).to(type)));
  }
  const Tensor masked = apply_mask(torch::full({2}, kNan), torch::tensor({false, true}));
  EXPECT_EQ(masked[0].item<float>(), 0);
  EXPECT_TRUE(masked[1].isnan().item<bool>());
  EXPECT_FALSE(masked.requires_grad());
}

TEST(SparsityMasks, ApplyingIsDifferentiableTwice) {
  const Tensor x = torch::tensor({2.0f, 3.0f}).requires_grad_();
  const Tensor y = apply_mask(x, torch::tensor({true, false})).pow(3).sum();
  const Tensor first = torch::autograd::grad({y}, {x}, {}, true, /*create_graph=*/true)[0];
  EXPECT_TRUE(at::equal(torch::autograd::grad({first.sum()}, {x})[0], torch::tensor({12.0f, 0.0f})));
}

TEST(SparsityMasks, NOfMKeepsTheGreatestAlongTheAxis) {
  // Magnitudes all different, so that topk's choice of equal ones does not matter.
  const Tensor x = (torch::randperm(16 * 8 * 3 * 3).to(at::kFloat) + 1).view({16, 8, 3, 3}) *
                   (torch::randint(0, 2, {16, 8, 3, 3}) * 2 - 1);
  for (const Tensor& input : {x, x.contiguous(torch::MemoryFormat::ChannelsLast), x.transpose(0, 1)}) {
    const Tensor mask = n_of_m_mask(input, 2, 4, 1);
    const Tensor groups = input.abs().unflatten(1, {-1, 4});
    const Tensor expected = torch::zeros_like(groups).scatter(2, std::get<1>(groups.topk(2, 2)), 1).to(at::kBool);
    EXPECT_TRUE(at::equal(mask, expected.flatten(1, 2)));
  }
  EXPECT_TRUE(at::equal(n_of_m_mask(torch::tensor({1.0f, -1.0f, 1.0f}), 1, 2, 0), torch::tensor({true, false, true})));
  EXPECT_TRUE(n_of_m_mask(torch::randn({3, 1, 4}), 1, 4, 1).all().item<bool>()) << "groups of one";
}

TEST(SparsityMasks, HalfPrecisionIsThatOfItsNumbersInFloat) {
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    const Tensor x = torch::randn({6, 8, 5, 3}).to(type).contiguous(torch::MemoryFormat::ChannelsLast);
    const Tensor same = x.to(at::kFloat);
    // A threshold that a product of a number of this type and the scale hits.
    const float scale = 0.37f, threshold = same.flatten()[7].abs().item<float>() * scale;
    const Tensor mask = magnitude_mask(x, threshold, scale);
    EXPECT_TRUE(at::equal(mask, magnitude_mask(same, threshold, scale)));
    EXPECT_FALSE(mask.flatten()[7].item<bool>());
    EXPECT_TRUE(at::equal(n_of_m_mask(x, 2, 4, 1), n_of_m_mask(same, 2, 4, 1)));
    EXPECT_TRUE(at::equal(apply_mask(x, mask), apply_mask(same, mask).to(type)));
    EXPECT_EQ(count_zeros(apply_mask(x, mask)), (~mask).sum().item<int64_t>());
  }
}

TEST(SparsityMasks, CountsZeros) {
  const Tensor x = torch::tensor({0.0, -0.0, 1.0, -2.0}).repeat({25}).view({10, 10});
  EXPECT_EQ(count_zeros(x), 50);
  EXPECT_EQ(sparsity_level(x), 0.5);
  EXPECT_EQ(sparsity_level(torch::empty({0, 3})), 0.0);
}

TEST(SparsityMasks, RefusesWrongArguments) {
  const Tensor x = torch::randn({4, 4});
  EXPECT_THROW(magnitude_mask(Tensor(), 0, 1), c10::Error);
  EXPECT_THROW(magnitude_mask(x.to(at::kInt), 0, 1), c10::Error);
  EXPECT_THROW(apply_mask(x, Tensor()), c10::Error);
  EXPECT_THROW(apply_mask(x, torch::ones({4, 4})), c10::Error);
  EXPECT_THROW(apply_mask(x, torch::ones({4}, at::kBool)), c10::Error);
  EXPECT_THROW(n_of_m_mask(x, 0, 4, 1), c10::Error);
  EXPECT_THROW(n_of_m_mask(x, 5, 4, 1), c10::Error);
  EXPECT_THROW(n_of_m_mask(x, 2, 33, 1), c10::Error);
  EXPECT_THROW(n_of_m_mask(x, 2, 4, 2), c10::Error);
  EXPECT_THROW(n_of_m_mask(x, 2, 4, -1), c10::Error);
  EXPECT_THROW(count_zeros(Tensor()), c10::Error);
}

}  // namespace
}  // namespace pare::ops
