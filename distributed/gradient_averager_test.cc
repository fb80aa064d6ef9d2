#include "distributed/gradient_averager.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <string>
#include <vector>

#include "distributed/testing.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

std::vector<at::Tensor> parameters(std::vector<std::vector<int64_t>> shapes) {
  std::vector<at::Tensor> result;
  for (const auto& shape : shapes) {
    // Numbers that all ranks make alike.
    int64_t size = 1;
    for (const int64_t each : shape) size *= each;
    result.push_back(at::ones({size}).cumsum(0).mul(0.01).view(shape).clone().requires_grad_());
  }
  return result;
}

TEST(GradientAverager, GivesTheMeanOverTheProcesses) {
  run_in_threads(3, [](ProcessGroup& group) {
    std::vector<at::Tensor> weights = parameters({{4, 3}, {3, 2}, {2}});
    // Small buckets: several of them.
    GradientAverager averager(group, weights, /*bucket_bytes=*/16);
    EXPECT_GT(averager.num_buckets(), 1);
    for (int step = 0; step < 3; ++step) {
      for (at::Tensor& weight : weights) weight.mutable_grad().reset();
      averager.start();
      const double x = group.rank() + 1.0 + step;
      at::matmul(at::matmul(at::ones({1, 4}).mul(x), weights[0]), weights[1]).add(weights[2]).sum().backward();
      ASSERT_TRUE(averager.finish().ok());

      // Linear in x but for the last: the gradient of the mean of x.
      const double mean = 2.0 + step;
      std::vector<at::Tensor> alone = parameters({{4, 3}, {3, 2}, {2}});
      at::matmul(at::matmul(at::ones({1, 4}).mul(mean), alone[0]), alone[1]).add(alone[2]).sum().backward();
      for (size_t i = 0; i < weights.size(); ++i) {
        EXPECT_TRUE(at::allclose(weights[i].grad(), alone[i].grad(), 1e-6)) << step << " " << i;
      }
    }
  });
}

TEST(GradientAverager, AllGetTheSameBits) {
  run_in_threads(3, [](ProcessGroup& group) {
    std::vector<at::Tensor> weights = parameters({{50, 20}, {7}});
    GradientAverager averager(group, weights);
    averager.start();
    weights[0].mul(0.1 + 0.3 * group.rank()).pow(3).sum().add(weights[1].mul(group.rank() / 3.0).sum()).backward();
    ASSERT_TRUE(averager.finish().ok());
    for (const at::Tensor& weight : weights) {
      const auto all = group.all_gather(weight.grad().contiguous());
      ASSERT_TRUE(all.ok());
      for (const at::Tensor& each : *all) EXPECT_TRUE(at::equal(each, weight.grad()));
    }
  });
}

TEST(GradientAverager, AParameterThatNobodyUsesKeepsNoGradient) {
  run_in_threads(2, [](ProcessGroup& group) {
    std::vector<at::Tensor> weights = parameters({{2}, {3}, {4}});
    GradientAverager averager(group, weights, /*bucket_bytes=*/1);
    for (int step = 0; step < 2; ++step) {
      for (at::Tensor& weight : weights) weight.mutable_grad().reset();
      averager.start();
      at::Tensor loss = weights[0].sum();
      if (group.rank() == 1) loss = loss.add(weights[1].sum().mul(4.0));
      loss.backward();
      ASSERT_TRUE(averager.finish().ok());
      EXPECT_TRUE(at::equal(weights[0].grad(), at::ones({2})));
      // Half of it: the other process has none.
      EXPECT_TRUE(at::equal(weights[1].grad(), at::ones({3}).mul(2.0)));
      EXPECT_FALSE(weights[2].grad().defined());
    }
  });
}

TEST(GradientAverager, SendsBucketsInOneOrderWhateverComesFirst) {
  // Each process uses its parameters in another order, which must not mix up what belongs together.
  run_in_threads(2, [](ProcessGroup& group) {
    std::vector<at::Tensor> weights = parameters({{3}, {3}, {3}, {3}});
    GradientAverager averager(group, weights, /*bucket_bytes=*/1);
    for (int step = 0; step < 4; ++step) {
      for (at::Tensor& weight : weights) weight.mutable_grad().reset();
      averager.start();
      at::Tensor value = at::ones({3});
      for (int i = 0; i < 4; ++i) {
        const int which = (group.rank() + step) % 2 == 0 ? i : 3 - i;
        value = value.add(weights[which].mul(which + 1.0)).mul(1.0);
      }
      value.sum().backward();
      ASSERT_TRUE(averager.finish().ok());
      for (int i = 0; i < 4; ++i) EXPECT_TRUE(at::equal(weights[i].grad(), at::ones({3}).mul(i + 1.0))) << step << i;
    }
  });
}

TEST(GradientAverager, TypesTravelApart) {
  run_in_threads(2, [](ProcessGroup& group) {
    std::vector<at::Tensor> weights = {at::ones({2}).requires_grad_(),
                                       at::ones({2}, at::TensorOptions(c10::kDouble)).requires_grad_(),
                                       at::ones({2})};  // learns nothing
    GradientAverager averager(group, weights);
    EXPECT_EQ(averager.num_buckets(), 2);
    averager.start();
    weights[0].sum().add(weights[1].sum().mul(1e-12 * group.rank())).backward();
    ASSERT_TRUE(averager.finish().ok());
    EXPECT_EQ(weights[1].grad()[0].item<double>(), 0.5e-12);
    EXPECT_FALSE(weights[2].grad().defined());
  });
}

TEST(GradientAverager, LeavesBackwardPassesAloneThatItWasNotStartedFor) {
  run_in_threads(1, [](ProcessGroup& group) {
    std::vector<at::Tensor> weights = parameters({{2}});
    at::Tensor loss;
    {
      GradientAverager averager(group, weights);
      loss = weights[0].sum();
      loss.backward();
      EXPECT_TRUE(at::equal(weights[0].grad(), at::ones({2})));
      loss = weights[0].sum();
    }
    loss.backward();  // of a graph that outlives the averager
    EXPECT_TRUE(at::equal(weights[0].grad(), at::ones({2}).mul(2.0)));
  });
}

TEST(GradientAverager, TellsThatAnotherHasGone) {
  run_in_threads(
      2,
      [](ProcessGroup& group) {
        std::vector<at::Tensor> weights = parameters({{2}});
        GradientAverager averager(group, weights);
        if (group.rank() == 1) return;
        averager.start();
        weights[0].sum().backward();
        EXPECT_EQ(averager.finish().code(), absl::StatusCode::kUnavailable);
      },
      std::chrono::seconds(2));
}

}  // namespace
}  // namespace pare
