#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

TEST(ReferenceHistogram, CountsInsideAndOutsideAndAddsUp) {
  const float low = -1, high = 1, width = 0.5f, inverse_width = 2;
  const HistogramBins bins{&low, &high, &width, &inverse_width, 4};
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {-1, -0.6f, -0.5f, 0, 0.49f, 0.5f, 1, 1.01f, -3, infinity, nan};
  std::vector<int64_t> counts(bins.counts(), 100);
  ASSERT_TRUE(
      reference_kernels<float>().histogram({}, Layout::per_tensor(x.size()), x.data(), bins, counts.data()).ok());
  EXPECT_THAT(counts, ElementsAre(101, 102, 101, 102, 102, 102));
}

TEST(ReferenceHistogram, AnEmptyRangeCountsInItsFirstBin) {
  const float low = 2, high = 2, width = 0, inverse_width = 0;
  const float x[] = {2, 2, 1, 3};
  int64_t counts[5] = {};
  ASSERT_TRUE(reference_kernels<float>()
                  .histogram({}, Layout::per_tensor(4), x, {&low, &high, &width, &inverse_width, 3}, counts)
                  .ok());
  EXPECT_THAT(counts, ElementsAre(1, 2, 0, 0, 1));
}

// -1e-10 - -1 rounds to 1, the edge between the second bin and the third.
TEST(ReferenceHistogram, RoundingLiftsNoNumberOverAnEdge) {
  const float low = -1, high = 1, width = 0.5f, inverse_width = 2;
  const Half half[] = {from_float<Half>(-6e-8f)};
  const float x[] = {-1e-10f, 1e-10f, -0.0f, 0.49999997f};
  const HistogramBins bins{&low, &high, &width, &inverse_width, 4};
  int64_t counts[6] = {}, half_counts[6] = {};
  ASSERT_TRUE(reference_kernels<float>().histogram({}, Layout::per_tensor(4), x, bins, counts).ok());
  ASSERT_TRUE(reference_kernels<Half>().histogram({}, Layout::per_tensor(1), half, bins, half_counts).ok());
  EXPECT_THAT(counts, ElementsAre(0, 0, 1, 3, 0, 0));
  EXPECT_THAT(half_counts, ElementsAre(0, 0, 1, 0, 0, 0));
}

}  // namespace
}  // namespace pare::backends
