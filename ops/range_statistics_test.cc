#include "ops/range_statistics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/histc.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/median.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/var.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <limits>
#include <tuple>

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

TEST(RangeStatistics, MomentsAreAtens) {
  const at::Tensor x = at::randn({3, 5, 7, 2}) * 2 + 10;
  for (const at::Tensor& input : {x, x.contiguous(at::MemoryFormat::ChannelsLast), x.slice(3, 0, 1)}) {
    const Moments moments = mean_variance(input, 1);
    EXPECT_TRUE(at::allclose(moments.mean, at::mean(input, {0, 2, 3})));
    EXPECT_TRUE(at::allclose(moments.variance, at::var(input, {0, 2, 3}, /*unbiased=*/false)));
    EXPECT_TRUE(at::allclose(mean_variance(input, -1).variance, at::var(input, /*unbiased=*/false).view({1})));
  }
  EXPECT_TRUE(std::isnan(mean_variance(at::empty({0}), -1).mean.item<float>()));
}

TEST(RangeStatistics, SelectionIsAtens) {
  const at::Tensor x = at::randn({6, 3, 11, 40});
  for (const at::Tensor& input : {x, x.contiguous(at::MemoryFormat::ChannelsLast), x.slice(3, 0, 9)}) {
    const at::Tensor channels = input.transpose(0, 1).reshape({3, -1});
    const int64_t size = channels.size(1);
    const at::Tensor sorted = std::get<0>(at::sort(channels, 1));
    const at::Tensor found = order_statistics(input, 1, {0, size / 3, size - 1});
    EXPECT_TRUE(at::equal(found[0], sorted.select(1, 0)));
    EXPECT_TRUE(at::equal(found[1], sorted.select(1, size / 3)));
    EXPECT_TRUE(at::equal(found[2], sorted.select(1, size - 1)));
    EXPECT_TRUE(at::allclose(percentiles(input, 1, {12.5, 99.9}),
                             at::quantile(channels, at::tensor({0.125f, 0.999f}), 1, /*keepdim=*/false)));
    EXPECT_TRUE(at::equal(percentiles(input, -1, {100}), at::amax(input).view({1, 1})));
  }
}

TEST(RangeStatistics, MedianAndDeviationAreAtens) {
  const at::Tensor x = at::randn({4, 501});
  for (const bool with_zeros : {false, true}) {
    const at::Tensor input = with_zeros ? at::cat({x, at::zeros({4, 700})}, 1) : x;
    const MedianAndDeviation found = median_and_deviation(input, 0, backends::Zeros::kLeftOut);
    const at::Tensor median = std::get<0>(at::median(x, 1));
    EXPECT_TRUE(at::equal(found.median, median));
    EXPECT_TRUE(at::equal(found.deviation, std::get<0>(at::median((x - median.view({4, 1})).abs(), 1))));
  }
  EXPECT_EQ(median_and_deviation(at::zeros({3}), -1, backends::Zeros::kCounted).deviation.item<float>(), 0);
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
  EXPECT_THROW(mean_variance(x, 2), c10::Error);
  EXPECT_THROW(order_statistics(x, 1, {4}), c10::Error);
  EXPECT_THROW(percentiles(x, -1, {100.5}), c10::Error);
  EXPECT_THROW(median_and_deviation(at::Tensor(), -1, backends::Zeros::kCounted), c10::Error);
}

}  // namespace
}  // namespace pare::ops
