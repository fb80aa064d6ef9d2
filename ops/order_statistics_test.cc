#include "ops/order_statistics.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/median.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

TEST(OrderStatistics, RanksEqualASort) {
  const at::Tensor x = at::randn({3, 5, 11});
  const at::Tensor expected = std::get<0>(x.transpose(0, 1).reshape({5, 33}).sort(1));
  const at::Tensor selected = order_statistics(x, 1, {0, 7, 32});
  for (int64_t c = 0; c < 5; ++c) {
    EXPECT_EQ(selected[c][0].item<float>(), expected[c][0].item<float>());
    EXPECT_EQ(selected[c][1].item<float>(), expected[c][7].item<float>());
    EXPECT_EQ(selected[c][2].item<float>(), expected[c][32].item<float>());
  }
}

TEST(OrderStatistics, PercentilesEqualLibTorchsQuantile) {
  // Large enough for the way that begins with a sample.
  for (const int64_t size : {101, 200'000}) {
    const at::Tensor x = at::randn({size});
    for (const double percent : {0.0, 0.1, 37.5, 50.0, 99.9, 100.0}) {
      // In double: in float32, LibTorch rounds the position as well.
      const auto expected = at::quantile(x.to(at::kDouble), percent / 100).item<float>();
      EXPECT_FLOAT_EQ(percentile(x, -1, percent).item<float>(), expected) << percent;
    }
  }
}

TEST(OrderStatistics, AnyOrderOfDimensionsAndType) {
  const at::Tensor x = at::randn({4, 3, 6, 6});
  const at::Tensor expected = percentile(x, 1, 90);
  EXPECT_TRUE(percentile(x.contiguous(at::MemoryFormat::ChannelsLast), 1, 90).equal(expected));
  EXPECT_TRUE(percentile(x.to(at::kDouble), 1, 90).equal(expected));
}

TEST(OrderStatistics, MedianAndItsDeviation) {
  const at::Tensor x = at::randn({101});
  const auto [median, deviation] = median_absolute_deviation(x, -1);
  EXPECT_EQ(median.item<float>(), x.median().item<float>());
  EXPECT_EQ(deviation.item<float>(), (x - x.median()).abs().median().item<float>());
  const MedianAndDeviation padded = median_absolute_deviation(at::cat({x, at::zeros({300})}), -1, true);
  EXPECT_EQ(padded.median.item<float>(), median.item<float>());
  EXPECT_EQ(padded.deviation.item<float>(), deviation.item<float>());
}

TEST(OrderStatistics, ThresholdOfAllLayers) {
  const at::Tensor a = at::randn({100, 20}), b = 3 * at::randn({77, 3, 3});
  const auto at_level = [](const at::Tensor& importances, double level) {
    const at::Tensor sorted = std::get<0>(importances.sort());
    return sorted[static_cast<int64_t>(static_cast<double>(sorted.numel() - 1) * level)].item<double>();
  };
  for (const double level : {0.0, 0.5, 0.97}) {
    EXPECT_EQ(magnitude_threshold({a, b}, level, Importance::kAbs),
              at_level(at::cat({a.abs().flatten(), b.abs().flatten()}), level));
    EXPECT_NEAR(magnitude_threshold({a, b}, level, Importance::kNormedAbs),
                at_level(at::cat({(a.abs() / a.norm()).flatten(), (b.abs() / b.norm()).flatten()}), level), 1e-6);
  }
}

TEST(OrderStatistics, RefusesWhatHasNoAnswer) {
  const at::Tensor x = at::randn({3, 4});
  EXPECT_THROW(percentile(at::Tensor(), -1, 50), c10::Error);
  EXPECT_THROW(percentile(x, 2, 50), c10::Error);
  EXPECT_THROW(percentile(x, -1, 100.5), c10::Error);
  EXPECT_THROW(percentile(x.to(at::kLong), -1, 50), c10::Error);
  EXPECT_THROW(percentile(at::randn({0, 3}), 1, 50), c10::Error);
  EXPECT_THROW(order_statistics(x, -1, {12}), c10::Error);
  EXPECT_THROW(magnitude_threshold({}, 0.5, Importance::kAbs), c10::Error);
  EXPECT_THROW(magnitude_threshold({x}, 1.5, Importance::kAbs), c10::Error);
}

}  // namespace
}  // namespace pare::ops
