#include "backends/growing_histogram.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "backends/cpu/backend.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

std::vector<float> numbers_of(uint64_t seed, float scale) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0.3f * scale, scale);
  std::vector<float> numbers(6000);
  for (float& number : numbers) number = normal(random);
  return numbers;
}

constexpr Layout kLayout{10, 2, 300};

void add(GrowingHistogram& histogram, const std::vector<float>& x) {
  const absl::Status status = histogram.add(cpu_kernels<float>(), {}, kLayout, x.data());
  ASSERT_TRUE(status.ok()) << status;
}

bool same(const GrowingHistogram& a, const GrowingHistogram& b) {
  for (int64_t c = 0; c < a.channels(); ++c) {
    if (a.width(c) != b.width(c) || a.counts(c) != b.counts(c)) return false;
  }
  return true;
}

TEST(GrowingHistogram, DoesNotDependOnTheOrderNorOnMerging) {
  const std::vector<float> small = numbers_of(1, 1e-3f), middle = numbers_of(2, 1), large = numbers_of(3, 500);
  GrowingHistogram rising(2), falling(2), first(2), second(2);
  for (const auto* x : {&small, &middle, &large}) add(rising, *x);
  for (const auto* x : {&large, &middle, &small}) add(falling, *x);
  add(first, large);
  add(second, small);
  add(second, middle);
  ASSERT_TRUE(first.merge(second).ok());
  EXPECT_TRUE(same(rising, falling));
  EXPECT_TRUE(same(rising, first));
  EXPECT_EQ(rising.size(0), 9000);
}

TEST(GrowingHistogram, QuantilesAreOffByABinAtMost) {
  GrowingHistogram histogram(2);
  std::vector<float> order;
  for (const uint64_t seed : {4, 5, 6}) {
    const std::vector<float> x = numbers_of(seed, static_cast<float>(seed));
    add(histogram, x);
    for (int64_t i = 0; i < kLayout.size(); ++i) {
      if (i / kLayout.inner % kLayout.channels == 1) order.push_back(x[i]);
    }
  }
  std::sort(order.begin(), order.end());
  for (const double q : {0.0, 0.001, 0.25, 0.5, 0.99, 1.0}) {
    const double exact = order[static_cast<size_t>(q * static_cast<double>(order.size() - 1))];
    EXPECT_NEAR(*histogram.quantile(1, q), exact, 1.01 * histogram.width(1)) << q;
  }
  EXPECT_LE(histogram.width(1), 2 * std::fabs(order.back()) / GrowingHistogram::kBins * 2);
}

TEST(GrowingHistogram, EdgesAreExact) {
  GrowingHistogram histogram(1);
  const std::vector<float> x = {-1.0f, -0.0f, 0.0f, 0.5f, 1.0f};
  ASSERT_TRUE(histogram.add(cpu_kernels<float>(), {}, Layout::per_tensor(5), x.data()).ok());
  ASSERT_EQ(histogram.width(0), 2.0f / 2048) << "1 is not below 1";
  const auto at = [&](float edge) {
    return histogram.counts(0)[GrowingHistogram::kBins / 2 + static_cast<int64_t>(edge / histogram.width(0))];
  };
  EXPECT_EQ(at(-1), 1);
  EXPECT_EQ(at(0), 2);
  EXPECT_EQ(at(0.5), 1);
  EXPECT_EQ(at(1), 1);
}

TEST(GrowingHistogram, RefusesWhatItCannotCount) {
  GrowingHistogram histogram(2);
  std::vector<float> x = numbers_of(7, 1);
  x[5999] = NAN;
  EXPECT_EQ(histogram.add(cpu_kernels<float>(), {}, kLayout, x.data()).code(), absl::StatusCode::kInvalidArgument);
  x[5999] = INFINITY;
  EXPECT_EQ(histogram.add(cpu_kernels<float>(), {}, kLayout, x.data()).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(histogram.size(0), 0) << "nothing was counted";
  EXPECT_EQ(histogram.quantile(0, 0.5).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(histogram.quantile(0, 1.5).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(histogram.merge(GrowingHistogram(3)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(histogram.add(cpu_kernels<float>(), {}, Layout::per_tensor(5), x.data()).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::backends
