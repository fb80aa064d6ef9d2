#include "compression/quantization/quantile_sketch.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

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

TEST(QuantileSketch, MergedPartsAreTheWhole) {
  std::vector<float> numbers;
  for (int i = 0; i < 5000; ++i) {
    numbers.push_back(i % 7 == 0 ? 0.0f : std::ldexp(static_cast<float>(i % 101) - 40.0f, i % 13 - 6));
  }
  QuantileSketch whole, first, second, empty;
  whole.add(numbers.data(), 5000);
  first.add(numbers.data(), 1234);
  second.add(numbers.data() + 1234, 5000 - 1234);
  QuantileSketch merged;
  // As another process gets it: as bytes.
  for (const QuantileSketch* part : {&first, &empty, &second}) {
    ASSERT_TRUE(merged.merge(nlohmann::json::from_cbor(nlohmann::json::to_cbor(part->state()))).ok());
  }
  EXPECT_EQ(merged.count(), 5000);
  EXPECT_EQ(merged.min(), whole.min());
  EXPECT_EQ(merged.max(), whole.max());
  for (const double q : {0.0, 0.001, 0.1, 0.5, 0.77, 0.999, 1.0}) EXPECT_EQ(merged.quantile(q), whole.quantile(q)) << q;
  EXPECT_EQ(merged.state(), whole.state());
  const float infinity = std::numeric_limits<float>::infinity();
  QuantileSketch broken;
  broken.add(&infinity, 1);
  ASSERT_TRUE(merged.merge(broken.state()).ok());
  EXPECT_TRUE(merged.has_non_finite());
  EXPECT_EQ(merged.count(), 5000);
}

TEST(QuantileSketch, RefusesAStateThatIsNone) {
  QuantileSketch sketch, coarse(7);
  const float one = 1.0f;
  sketch.add(&one, 1);
  coarse.add(&one, 1);
  const nlohmann::json before = sketch.state();
  nlohmann::json beyond = before;
  beyond["counts"] = {int64_t{1} << 40, 1};
  for (const nlohmann::json& state : {nlohmann::json(), nlohmann::json::object(), coarse.state(), beyond}) {
    EXPECT_EQ(sketch.merge(state).code(), absl::StatusCode::kInvalidArgument) << state;
    EXPECT_EQ(sketch.state(), before);
  }
}

}  // namespace
}  // namespace pare::quantization
