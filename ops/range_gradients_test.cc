#include "ops/range_gradients.h"

#include <ATen/ATen.h>

#include <cmath>

#include "gtest/gtest.h"
#include "ops/channel_arithmetic.h"
#include "ops/same_bits.h"

namespace pare::ops {
namespace {

constexpr int64_t kChannels = 5000;

at::Tensor numbers() {
  const at::Tensor some = at::randn({kChannels}) * at::pow(10, at::rand({kChannels}) * 12 - 6);
  some.slice(0, 0, 5).copy_(at::tensor({0.0f, -0.0f, std::nanf(""), INFINITY, -INFINITY}));
  return some.index_select(0, at::randperm(kChannels));
}

class RangeGradientsTest : public ::testing::Test {
 protected:
  RangeGradientsTest() { at::manual_seed(9); }
};

TEST_F(RangeGradientsTest, SymmetricIsTheSameBothWays) {
  const QuantizerSums sums{numbers(), numbers(), numbers()};
  const at::Tensor scale = numbers();
  for (const auto& [low, high] : {std::pair<int64_t, int64_t>{-128, 127}, {-127, 127}, {0, 255}, {-8, 7}}) {
    for (const bool exact : {true, false}) {
      const ChannelGrid grid = symmetric_channel_grid(scale, low, high, 1e-16);
      const at::Tensor host = symmetric_scale_gradient(sums, grid, scale, low, high, exact);
      const ScopedTensorArithmetic scope;
      EXPECT_TRUE(same_bits(symmetric_scale_gradient(sums, grid, scale, low, high, exact), host));
    }
  }
}

TEST_F(RangeGradientsTest, AsymmetricIsTheSameBothWays) {
  const QuantizerSums sums{numbers(), numbers(), numbers()};
  const at::Tensor all = numbers();
  for (const auto& [low, range] : {std::pair{all, numbers()}, {all, all}, {all.neg(), all}, {numbers(), all.neg()}}) {
    for (const bool exact : {true, false}) {
      for (const double eps : {0.0, 1e-16, 0.5}) {
        const ChannelGrid grid = asymmetric_channel_grid(low, range, 256, eps);
        const AsymmetricGradients host = asymmetric_range_gradients(sums, grid, low, range, eps, exact);
        const ScopedTensorArithmetic scope;
        const AsymmetricGradients tensors = asymmetric_range_gradients(sums, grid, low, range, eps, exact);
        EXPECT_TRUE(same_bits(tensors.input_low, host.input_low));
        EXPECT_TRUE(same_bits(tensors.input_range, host.input_range));
      }
    }
  }
}

}  // namespace
}  // namespace pare::ops
