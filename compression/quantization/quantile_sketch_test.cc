#include "compression/quantization/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

TEST(QuantileSketch, WithinItsRelativeErrorWhateverTheOutliers) {
  std::vector<float> values;
  for (int i = -5000; i <= 5000; ++i) values.push_back(std::sin(i * 0.37f) * std::exp(i * 0.001f));
  values.push_back(1e20f);
  values.push_back(-1e15f);
  QuantileSketch sketch;
  sketch.add(values.data(), 3000);
  sketch.add(values.data() + 3000, values.size() - 3000);
  EXPECT_EQ(sketch.count(), static_cast<int64_t>(values.size()));
  std::sort(values.begin(), values.end());
  for (const double q : {0.001, 0.01, 0.25, 0.5, 0.9, 0.999}) {
    const double position = q * static_cast<double>(values.size() - 1);
    const auto rank = static_cast<size_t>(position);
    const double exact = values[rank] + (position - static_cast<double>(rank)) * (values[rank + 1] - values[rank]);
    EXPECT_NEAR(sketch.quantile(q), exact, std::abs(exact) / 1024 + 1e-9) << q;
  }
}

TEST(QuantileSketch, EndsAndZerosAreExact) {
  const std::vector<float> values{0, -0.0f, 0, 0.1f, -0.3f};
  QuantileSketch sketch(4);
  sketch.add(values.data(), values.size());
  EXPECT_EQ(sketch.quantile(0), -0.3f);
  EXPECT_EQ(sketch.quantile(1), 0.1f);
  EXPECT_EQ(sketch.quantile(0.5), 0);
  EXPECT_EQ(sketch.min(), -0.3f);
  EXPECT_EQ(sketch.max(), 0.1f);
}

TEST(QuantileSketch, DenormalsAndTheGreatestFloat) {
  const std::vector<float> values{1e-44f, 2e-44f, std::numeric_limits<float>::max()};
  QuantileSketch sketch;
  sketch.add(values.data(), values.size());
  EXPECT_EQ(sketch.quantile(0), 1e-44f);
  EXPECT_EQ(sketch.quantile(1), std::numeric_limits<float>::max());
}

TEST(QuantileSketch, RemembersWhatIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  QuantileSketch sketch;
  sketch.add(&nan, 1);
  EXPECT_TRUE(sketch.has_non_finite());
  EXPECT_EQ(sketch.count(), 0);
}

TEST(QuantileSketch, ValuesRiseAndCountAll) {
  const std::vector<float> values{-2, -1, 0, 0, 1, 3};
  QuantileSketch sketch;
  sketch.add(values.data(), values.size());
  double weight = 0, last = -10;
  for (const WeightedValue& v : sketch.values()) {
    EXPECT_GT(v.value, last);
    last = v.value;
    weight += v.weight;
  }
  EXPECT_EQ(weight, 6);
}

TEST(MedianAndDeviation, ByHand) {
  // 1..9: median 5, distances 4 3 2 1 0 1 2 3 4 with median 2.
  std::vector<WeightedValue> values;
  for (int i = 9; i >= 1; --i) values.push_back({static_cast<double>(i), 1});
  EXPECT_DOUBLE_EQ(median_and_deviation(values).first, 5);
  EXPECT_DOUBLE_EQ(median_and_deviation(values).second, 2);
  // An even number of them: the mean of the middle two.
  EXPECT_DOUBLE_EQ(median_and_deviation({{1, 2}, {3, 2}}).first, 2);
  EXPECT_DOUBLE_EQ(median_and_deviation({{1, 1}, {3, 5}}).first, 3);
}

}  // namespace
}  // namespace pare::quantization
