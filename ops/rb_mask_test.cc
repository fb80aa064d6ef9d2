#include "ops/rb_mask.h"

#include <torch/torch.h>

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using torch::Tensor;

Tensor leaf(const Tensor& values) { return values.detach().clone().requires_grad_(); }

TEST(RbMask, EvaluationIsTheLikeliestMask) {
  const Tensor weight = torch::randn({8, 4, 3, 3}), logits = torch::randn({8, 4, 3, 3});
  const Tensor y = rb_sparsify(weight, logits, 1, 2, false);
  EXPECT_TRUE(at::equal(y, weight * (torch::sigmoid(logits.to(at::kDouble)) > 0.5)));
  EXPECT_FALSE(y.requires_grad());
}

TEST(RbMask, TrainingKeepsAsOftenAsTheSigmoidSays) {
  constexpr int64_t kCount = 200000;
  for (const double logit : {-2.0, 0.0, 1.0, 4.59512}) {
    const Tensor y = rb_sparsify(torch::ones({kCount}), torch::full({kCount}, logit), 42, 3, true);
    const double probability = 1 / (1 + std::exp(-logit));
    const double deviation = std::sqrt(kCount * probability * (1 - probability));
    EXPECT_NEAR(y.sum().item<double>(), kCount * probability, 4.5 * deviation) << logit;
  }
}

TEST(RbMask, ADrawIsTheSameInAnyMemoryFormatAndWithAnyThreads) {
  const Tensor weight = torch::randn({64, 16, 8, 8}), logits = torch::zeros({64, 16, 8, 8});
  const Tensor y = rb_sparsify(weight, logits, 7, 1, true);
  EXPECT_TRUE(at::equal(rb_sparsify(weight, logits, 7, 1, true), y));
  EXPECT_TRUE(at::equal(rb_sparsify(weight.contiguous(torch::MemoryFormat::ChannelsLast), logits, 7, 1, true), y));
  EXPECT_TRUE(at::equal(rb_sparsify(weight.slice(0, 0, 3), logits.slice(0, 0, 3), 7, 1, true), y.slice(0, 0, 3)));
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(at::equal(rb_sparsify(weight, logits, 7, 1, true), y));
  at::set_num_threads(threads);
  for (const Tensor& other : {rb_sparsify(weight, logits, 7, 2, true), rb_sparsify(weight, logits, 8, 1, true)}) {
    EXPECT_NEAR((other == y).to(at::kDouble).mean().item<double>(), 0.5, 0.02);
  }
}

TEST(RbMask, GradientsAreStraightThrough) {
  const Tensor weight = leaf(torch::randn({5, 7})), logits = leaf(torch::randn({5, 7})), dy = torch::randn({5, 7});
  for (const bool training : {true, false}) {
    weight.mutable_grad() = Tensor();
    logits.mutable_grad() = Tensor();
    const Tensor y = rb_sparsify(weight, logits, 3, 4, training);
    (y * dy).sum().backward();
    EXPECT_TRUE(at::equal(weight.grad(), dy * (y != 0)));
    EXPECT_TRUE(at::equal(logits.grad(), dy * weight));
  }
  // One alone, of other types.
  const Tensor half = leaf(torch::randn({9}).to(at::kHalf)), wide = leaf(torch::randn({9}).to(at::kDouble));
  const Tensor y = rb_sparsify(half, wide.detach(), 1, 1, true);
  EXPECT_EQ(y.scalar_type(), at::kHalf);
  y.sum().backward();
  EXPECT_TRUE(at::equal(half.grad(), (y != 0).to(at::kHalf)));
  rb_sparsify(half.detach(), wide, 1, 1, true).sum().backward();
  EXPECT_TRUE(at::equal(wide.grad(), half.detach().to(at::kDouble)));
}

TEST(RbMask, HalfPrecisionIsThatOfItsNumbersInFloat) {
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    const Tensor numbers = torch::randn({5, 77}).to(type), logits = torch::randn({5, 77}),
                 dy = torch::randn({5, 77}).to(type);
    const auto run = [&](at::ScalarType run_type) {
      const Tensor weight = leaf(numbers.to(run_type)), learned = leaf(logits);
      const Tensor y = rb_sparsify(weight, learned, 9, 2, true);
      y.backward(dy.to(run_type));
      return std::vector<Tensor>{y.detach(), weight.grad(), learned.grad()};
    };
    const std::vector<Tensor> half = run(type), single = run(at::kFloat);
    EXPECT_TRUE(at::equal(half[0], single[0].to(type)));
    EXPECT_TRUE(at::equal(half[1], single[1].to(type)));
    EXPECT_EQ(half[2].scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(half[2], single[2])) << "products of two halves are exact in float";
    const Tensor half_logits = leaf(logits.to(type));
    const Tensor count = rb_active_count(half_logits);
    EXPECT_EQ(count.item<double>(), (logits.to(type) > 0).sum().item<double>());
    count.backward();
    EXPECT_TRUE(at::equal(half_logits.grad(), torch::ones({5, 77}).to(type)));
  }
}

TEST(RbMask, DifferentiatingTwiceIsRefused) {
  const Tensor weight = leaf(torch::randn({4}));
  const Tensor y = rb_sparsify(weight, torch::zeros({4}), 1, 1, true).sum();
  EXPECT_THROW(torch::autograd::grad({y}, {weight}, {}, true, /*create_graph=*/true), c10::Error);
}

TEST(RbMask, ActiveCountHasADerivativeOfOne) {
  const Tensor logits = leaf(torch::tensor({-1.0f, 0.0f, 0.5f, 3.0f, 1e-30f}));
  const Tensor count = rb_active_count(logits);
  EXPECT_EQ(count.scalar_type(), at::kDouble);
  EXPECT_EQ(count.item<double>(), 3);
  // METHODS' loss: ((3 / 5 - 0.5) / 0.05)^2 = 4, with the derivative 2 * 2 / 0.05 / 5 = 16 by each logit.
  const Tensor loss = ((count / logits.numel() - 0.5) / 0.05).pow(2);
  EXPECT_NEAR(loss.item<double>(), 4, 1e-9);
  loss.backward();
  EXPECT_TRUE(at::allclose(logits.grad(), torch::full({5}, 16.0f)));
  EXPECT_FALSE(rb_active_count(logits.detach()).requires_grad());
}

TEST(RbMask, RefusesWrongArguments) {
  const Tensor weight = torch::randn({4, 2});
  EXPECT_THROW(rb_sparsify(Tensor(), weight, 1, 1, true), c10::Error);
  EXPECT_THROW(rb_sparsify(weight, Tensor(), 1, 1, true), c10::Error);
  EXPECT_THROW(rb_sparsify(weight, weight.slice(0, 0, 2), 1, 1, true), c10::Error);
  EXPECT_THROW(rb_sparsify(weight, weight.to(at::kInt), 1, 1, true), c10::Error);
  EXPECT_THROW(rb_active_count(Tensor()), c10::Error);
}

}  // namespace
}  // namespace pare::ops
