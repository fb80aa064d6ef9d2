#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

TEST(ReferenceFilters, NormsOfEachChannel) {
  // [outer 2, channels 2, inner 2]: channel 0 is (3, -4, 0, 12), channel 1 is (1, 1, -1, 1).
  const std::vector<float> x = {3, -4, 1, 1, 0, 12, -1, 1};
  std::vector<float> l1(2), l2(2);
  ASSERT_TRUE(reference_kernels<float>().filter_norms({}, {2, 2, 2}, x.data(), l1.data(), l2.data()).ok());
  EXPECT_THAT(l1, ElementsAre(19.0f, 4.0f));
  EXPECT_THAT(l2, ElementsAre(13.0f, 2.0f));
}

TEST(ReferenceFilters, NormsOfNothingAreZeroAndSquaresOverflow) {
  std::vector<float> l1(2, 1.0f), l2(2, 1.0f);
  ASSERT_TRUE(reference_kernels<float>().filter_norms({}, {3, 2, 0}, nullptr, l1.data(), l2.data()).ok());
  EXPECT_THAT(l1, ElementsAre(0.0f, 0.0f));
  EXPECT_THAT(l2, ElementsAre(0.0f, 0.0f));
  const float x = -2e19f;
  ASSERT_TRUE(reference_kernels<float>().filter_norms({}, Layout::per_tensor(1), &x, l1.data(), l2.data()).ok());
  EXPECT_EQ(l1[0], 2e19f);
  EXPECT_TRUE(std::isinf(l2[0]));
}

// Three points of the plane: (0, 0), (3, 4), (0, 8). He et al. 2019 prune the filter whose distances to the others have
// the least sum, the second one here.
TEST(ReferenceFilters, DistancesBetweenPoints) {
  std::vector<float> distances(9);
  const std::vector<float> rows = {0, 0, 3, 4, 0, 8}, channels_last = {0, 3, 0, 0, 4, 8};
  ASSERT_TRUE(reference_kernels<float>().pairwise_distances({}, {1, 3, 2}, rows.data(), distances.data()).ok());
  EXPECT_THAT(distances, ElementsAre(0, 5, 8, 5, 0, 5, 8, 5, 0));
  ASSERT_TRUE(
      reference_kernels<float>().pairwise_distances({}, {2, 3, 1}, channels_last.data(), distances.data()).ok());
  EXPECT_THAT(distances, ElementsAre(0, 5, 8, 5, 0, 5, 8, 5, 0));
}

TEST(ReferenceFilters, NanMakesItsRowNanButNotTheDiagonal) {
  const std::vector<float> x = {1, std::numeric_limits<float>::quiet_NaN(), 2};
  std::vector<float> distances(9);
  ASSERT_TRUE(reference_kernels<float>().pairwise_distances({}, {1, 3, 1}, x.data(), distances.data()).ok());
  EXPECT_EQ(distances[0 * 3 + 2], 1.0f);
  EXPECT_TRUE(std::isnan(distances[0 * 3 + 1]) && std::isnan(distances[1 * 3 + 0]) && std::isnan(distances[2 * 3 + 1]));
  EXPECT_EQ(distances[1 * 3 + 1], 0.0f);
}

}  // namespace
}  // namespace pare::backends
