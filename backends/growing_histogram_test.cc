#include "backends/growing_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

absl::Status add(const std::vector<float>& x, GrowingHistogram& histogram) {
  const int64_t size = static_cast<int64_t>(x.size()) / histogram.channels();
  return histogram.add(cpu_kernels<float>(), {}, {1, histogram.channels(), size}, x.data());
}

void expect_same(const GrowingHistogram& a, const GrowingHistogram& b) {
  for (int64_t c = 0; c < a.channels(); ++c) {
    EXPECT_EQ(a.channel(c).size, b.channel(c).size);
    EXPECT_EQ(a.channel(c).min, b.channel(c).min);
    EXPECT_EQ(a.channel(c).max, b.channel(c).max);
    EXPECT_EQ(a.channel(c).exponent, b.channel(c).exponent);
    EXPECT_EQ(a.channel(c).first, b.channel(c).first);
    EXPECT_EQ(a.channel(c).counts, b.channel(c).counts);
  }
}

// Numbers whose range grows from one to the next, with many on edges and just below them.
std::vector<float> growing(int64_t count) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> x;
  for (int64_t i = 0; i < count; ++i) {
    float number = normal(random) * std::ldexp(1.0f, static_cast<int>(i * 30 / count) - 20);
    if (i % 3 == 0) number = std::ldexp(std::nearbyint(normal(random) * 8), static_cast<int>(random() % 20) - 20);
    if (i % 3 == 1) number = std::nextafter(std::ldexp(std::nearbyint(normal(random) * 8), -10), -1e9f);
    x.push_back(number);
  }
  return x;
}

TEST(GrowingHistogram, WidensByPowersOfTwo) {
  GrowingHistogram histogram(1, 4);
  ASSERT_TRUE(add({0, 1, 2, 3, 3}, histogram).ok());
  EXPECT_EQ(histogram.channel(0).width(), 1);
  EXPECT_THAT(histogram.channel(0).counts, ElementsAre(1, 1, 1, 2));
  // From -1 to 3 are five bins of 1, or three of 2: [-2, 0), [0, 2), [2, 4).
  ASSERT_TRUE(add({-1}, histogram).ok());
  EXPECT_EQ(histogram.channel(0).width(), 2);
  EXPECT_EQ(histogram.channel(0).edge(0), -2);
  EXPECT_THAT(histogram.channel(0).counts, ElementsAre(1, 2, 3, 0));
  EXPECT_EQ(histogram.channel(0).size, 6);
}

TEST(GrowingHistogram, TheBinsDependOnTheNumbersAlone) {
  const std::vector<float> x = growing(3000);
  GrowingHistogram at_once(1, 64), backwards(1, 64), first(1, 64), second(1, 64), reference(1, 64);
  ASSERT_TRUE(add(x, at_once).ok());
  for (size_t end = x.size(); end > 0; end -= 100) {
    ASSERT_TRUE(add({x.begin() + end - 100, x.begin() + end}, backwards).ok());
  }
  expect_same(backwards, at_once);
  for (size_t i = 0; i < x.size(); i += 10) {
    ASSERT_TRUE(add({x.begin() + i, x.begin() + i + 10}, i % 70 == 0 ? first : second).ok());
  }
  GrowingHistogram merged(1, 64), the_other_way = second;
  for (const GrowingHistogram* const part : {&first, &second}) ASSERT_TRUE(merged.merge(*part).ok());
  ASSERT_TRUE(the_other_way.merge(first).ok());
  expect_same(merged, at_once);
  expect_same(the_other_way, at_once);
  ASSERT_TRUE(
      reference.add(reference_kernels<float>(), {}, Layout::per_tensor(static_cast<int64_t>(x.size())), x.data()).ok());
  expect_same(reference, at_once);
  // And they are those of the ruler.
  const GrowingHistogram::Channel& channel = at_once.channel(0);
  std::vector<int64_t> expected(64);
  for (const float number : x)
    ++expected[static_cast<int64_t>(std::floor(double{number} / channel.width())) - channel.first];
  EXPECT_EQ(channel.counts, expected);
}

TEST(GrowingHistogram, QuantilesAreOffByLessThanABin) {
  std::vector<float> x = growing(5000);
  GrowingHistogram histogram(1, 2048);
  ASSERT_TRUE(add(x, histogram).ok());
  std::sort(x.begin(), x.end());
  const float width = histogram.channel(0).width();
  EXPECT_LT(width, (x.back() - x.front()) * 2 / 2047);
  for (const double q : {0.001, 0.01, 0.2, 0.5, 0.77, 0.999}) {
    const auto rank = static_cast<size_t>(q * 4999);
    const double part = q * 4999 - static_cast<double>(rank);
    EXPECT_NEAR(*histogram.quantile(0, q), x[rank] + part * (x[rank + 1] - x[rank]), width) << q;
  }
  EXPECT_EQ(*histogram.quantile(0, 0), x.front());
  EXPECT_EQ(*histogram.quantile(0, 1), x.back());
}

TEST(GrowingHistogram, EachChannelForItselfInEveryType) {
  const BFloat16 x[] = {from_float<BFloat16>(1), from_float<BFloat16>(2), from_float<BFloat16>(-1024),
                        from_float<BFloat16>(0)};
  GrowingHistogram histogram(2, 16);
  ASSERT_TRUE(histogram.add(cpu_kernels<BFloat16>(), {}, {1, 2, 2}, x).ok());
  EXPECT_EQ(histogram.channel(0).width(), 1.0f / 8);
  EXPECT_EQ(histogram.channel(1).width(), 128);
  EXPECT_EQ(*histogram.quantile(0, 0.5), 1.5f);
  EXPECT_EQ(*histogram.quantile(1, 0.5), -512);
}

TEST(GrowingHistogram, NumbersAllAlike) {
  for (const float number : {0.0f, 1e-45f, -3.7f, 0x1p120f}) {
    GrowingHistogram histogram(1, 2);
    ASSERT_TRUE(add({number, number}, histogram).ok());
    EXPECT_EQ(*histogram.quantile(0, 0.3), number);
    ASSERT_TRUE(add({-number, number}, histogram).ok());
    EXPECT_EQ(histogram.channel(0).counts[0] + histogram.channel(0).counts[1], 4) << number;
  }
}

TEST(GrowingHistogram, RefusesAndStaysAsItWas) {
  GrowingHistogram histogram(1, 8), before(1, 8);
  ASSERT_TRUE(add({1, 2}, histogram).ok());
  before = histogram;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), 1e38f}) {
    EXPECT_EQ(add({100, bad}, histogram).code(), absl::StatusCode::kInvalidArgument);
  }
  const auto fails = [](const HistogramBins&, int64_t*) { return absl::UnavailableError("device lost"); };
  const auto extremes = [](float* min, float* max) {
    *min = -50;
    *max = 50;
    return absl::OkStatus();
  };
  EXPECT_EQ(histogram.add(2, extremes, fails).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(histogram.merge(GrowingHistogram(2, 8)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(histogram.merge(GrowingHistogram(1, 9)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(histogram.add<float>(cpu_kernels<float>(), {}, {1, 2, 0}, nullptr).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(add({}, histogram).ok());
  EXPECT_TRUE(histogram.merge(GrowingHistogram(1, 8)).ok());
  expect_same(histogram, before);
  EXPECT_EQ(histogram.quantile(0, 1.1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GrowingHistogram(1, 8).quantile(0, 0.5).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pare::backends
