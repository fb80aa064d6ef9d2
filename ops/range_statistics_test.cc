#include "ops/range_statistics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/histc.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/var.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

TEST(RangeStatistics, ExtremesAreAtens) {
  const at::Tensor x = at::randn({3, 5, 7, 2});
  for (const at::Tensor& input :
       {x, x.contiguous(at::MemoryFormat::ChannelsLast), x.slice(3, 0, 1), x.to(at::kDouble)}) {
    const Extremes extremes = min_max(input, 1);
    EXPECT_TRUE(at::equal(extremes.min, at::amin(input, {0, 2, 3}).to(at::kFloat)));
    EXPECT_TRUE(at::equal(extremes.max, at::amax(input, {0, 2, 3}).to(at::kFloat)));
    EXPECT_TRUE(at::equal(abs_max(input, 1), at::amax(input.abs(), {0, 2, 3}).to(at::kFloat)));
    EXPECT_TRUE(at::equal(min_max(input, -1).min, at::amin(input).view({1}).to(at::kFloat)));
  }
}

TEST(RangeStatistics, OfNothingAndOfNan) {
  const Extremes nothing = min_max(at::empty({0, 2}), 1);
  EXPECT_EQ(nothing.min.numel(), 2);
  EXPECT_TRUE(std::isinf(nothing.min[0].item<float>()) && nothing.min[0].item<float>() > 0);
  EXPECT_TRUE(std::isinf(nothing.max[0].item<float>()) && nothing.max[0].item<float>() < 0);
  const at::Tensor nan = at::full({3}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(std::isnan(abs_max(nan, -1).item<float>()));
}

TEST(RangeStatistics, HistogramIsAtensAndAddsUp) {
  const at::Tensor x = at::rand({4, 2, 500}) * 4 - 2;
  const at::Tensor low = at::full({2}, -1.0), high = at::full({2}, 1.0), counts = empty_histogram(2, 8);
  add_to_histogram(x, 1, low, high, counts);
  for (int64_t channel = 0; channel < 2; ++channel) {
    const at::Tensor values = x.select(1, channel);
    EXPECT_TRUE(at::equal(counts[channel].slice(0, 1, 9), at::histc(values, 8, -1, 1).to(at::kLong)));
    EXPECT_EQ(counts[channel][0].item<int64_t>(), (values < -1).sum().item<int64_t>());
    EXPECT_EQ(counts[channel][9].item<int64_t>(), (values > 1).sum().item<int64_t>());
  }
  const at::Tensor once = counts.clone();
  add_to_histogram(x, 1, low, high, counts);
  EXPECT_TRUE(at::equal(counts, once * 2));
}

TEST(RangeStatistics, AnEmptyRangeIsOneBin) {
  const at::Tensor counts = empty_histogram(1, 4);
  add_to_histogram(at::zeros({7}), -1, at::zeros({1}), at::zeros({1}), counts);
  EXPECT_EQ(counts[0][1].item<int64_t>(), 7);
}

TEST(RangeStatistics, HalfPrecisionIsThatOfItsNumbersInFloat) {
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor x = at::randn({3, 5, 7, 4}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor same = x.to(at::kFloat);
    const Extremes extremes = min_max(x, 1);
    EXPECT_EQ(extremes.min.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(extremes.min, min_max(same, 1).min));
    EXPECT_TRUE(at::equal(extremes.max, min_max(same, 1).max));
    EXPECT_EQ(abs_max(x, 1).scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(abs_max(x, 1), abs_max(same, 1)));
    const Moments moments = mean_variance(x, 1), expected = mean_variance(same, 1);
    EXPECT_TRUE(at::allclose(moments.mean, expected.mean, 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(moments.variance, expected.variance, 1e-4));
    const at::Tensor counts = empty_histogram(5, 16), expected_counts = empty_histogram(5, 16);
    add_to_histogram(x, 1, extremes.min, extremes.max / 2, counts);
    add_to_histogram(same, 1, extremes.min, extremes.max / 2, expected_counts);
    EXPECT_TRUE(at::equal(counts, expected_counts));
    EXPECT_EQ(counts.sum().item<int64_t>(), x.numel());
  }
}

TEST(RangeStatistics, RefusesWrongArguments) {
  const at::Tensor x = at::rand({4, 2}), low = at::zeros({2}), high = low + 1, counts = empty_histogram(2, 8);
  EXPECT_THROW(min_max(at::Tensor(), -1), c10::Error);
  EXPECT_THROW(min_max(x, 2), c10::Error);
  EXPECT_THROW(abs_max(x.to(at::kInt), 1), c10::Error);
  EXPECT_THROW(add_to_histogram(x, 1, high, low, counts), c10::Error);
  EXPECT_THROW(add_to_histogram(x, 1, low, at::full({2}, std::numeric_limits<float>::infinity()), counts), c10::Error);
  EXPECT_THROW(add_to_histogram(x, 0, low, high, counts), c10::Error);
  EXPECT_THROW(add_to_histogram(x, 1, low, high, counts.to(at::kFloat)), c10::Error);
  EXPECT_THROW(empty_histogram(1, 0), c10::Error);
}

TEST(RangeStatistics, MomentsOfEachChannel) {
  const at::Tensor x = 3 + 2 * at::randn({4, 5, 300});
  const Moments moments = mean_variance(x, 1);
  const std::vector<int64_t> others = {0, 2};
  EXPECT_TRUE(at::allclose(moments.mean, x.mean(others), 1e-5));
  EXPECT_TRUE(at::allclose(moments.variance, x.var(others, /*unbiased=*/false), 1e-4));
}

}  // namespace
}  // namespace pare::ops
