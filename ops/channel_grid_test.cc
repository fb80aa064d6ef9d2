#include "ops/channel_grid.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "ops/channel_arithmetic.h"
#include "ops/same_bits.h"

namespace pare::ops {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Of all magnitudes and both signs, and what lies at the ends.
at::Tensor parameters() {
  const at::Tensor some = at::randn({3000}) * at::pow(10, at::rand({3000}) * 80 - 40);
  const at::Tensor special = at::tensor({0.0f, -0.0f, 1.0f, -1.0f, 1e-45f, 1.17549435e-38f, 3.4028235e38f,
                                         -3.4028235e38f, kInfinity, -kInfinity, std::nanf(""), 0.5f, 255.0f, 1e-16f});
  return at::cat({some, special, special.flip(0), at::randn({3000})});
}

void expect_same_bits(const ChannelGrid& a, const ChannelGrid& b) {
  EXPECT_TRUE(same_bits(a.step, b.step));
  EXPECT_TRUE(same_bits(a.inverse_step, b.inverse_step));
  EXPECT_TRUE(same_bits(a.lowest, b.lowest));
  EXPECT_TRUE(same_bits(a.highest, b.highest));
  EXPECT_TRUE(same_bits(a.range, b.range));
}

TEST(ChannelGrid, SymmetricIsTheSameBothWays) {
  at::manual_seed(5);
  const at::Tensor scale = parameters();
  for (const auto& [low, high] : {std::pair<int64_t, int64_t>{-128, 127}, {-127, 127}, {0, 255}, {-8, 7}, {-1, 1}}) {
    for (const double eps : {0.0, 1e-16, 0.5}) {
      const ChannelGrid host = symmetric_channel_grid(scale, low, high, eps);
      const ScopedTensorArithmetic scope;
      expect_same_bits(symmetric_channel_grid(scale, low, high, eps), host);
    }
  }
}

TEST(ChannelGrid, AsymmetricIsTheSameBothWays) {
  at::manual_seed(6);
  const at::Tensor all = parameters(), shuffled = all.index_select(0, at::randperm(all.numel()));
  for (const auto& [low, range] : {std::pair{all, shuffled}, {all, all}, {all.neg(), all}, {shuffled, all.neg()}}) {
    for (const int64_t levels : {2, 3, 16, 255, 256, 1 << 23}) {
      for (const double eps : {0.0, 1e-16, 0.5}) {
        const ChannelGrid host = asymmetric_channel_grid(low, range, levels, eps);
        const ScopedTensorArithmetic scope;
        expect_same_bits(asymmetric_channel_grid(low, range, levels, eps), host);
      }
    }
  }
}

TEST(ChannelGrid, OfNoChannels) {
  const ScopedTensorArithmetic scope;
  EXPECT_EQ(symmetric_channel_grid(at::empty({0}), -8, 7, 0).step.numel(), 0);
  EXPECT_EQ(asymmetric_channel_grid(at::empty({0}), at::empty({0}), 16, 0).range.numel(), 0);
}

TEST(ChannelGrid, ItsViewIsItsNumbers) {
  const ChannelGrid grid = symmetric_channel_grid(at::tensor({2.54f, 1.27f}), -128, 127, 0);
  const backends::QuantizationGrid view = grid.view();
  EXPECT_EQ(view.step[1], 1.27f / 127);
  EXPECT_EQ(view.inverse_step[1], 1.0f / view.step[1]);
  EXPECT_EQ(view.lowest[1], -128);
  EXPECT_EQ(view.highest[1], 127);
}

}  // namespace
}  // namespace pare::ops
