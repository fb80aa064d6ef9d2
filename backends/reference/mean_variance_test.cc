#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

TEST(ReferenceMeanVariance, OfEachChannel) {
  // [2, 2, 2]: channel 0 holds 1, 3, 5, 7; channel 1 a large number and its neighbours.
  const std::vector<float> x = {1, 3, 1e6f, 1e6f + 1, 5, 7, 1e6f + 2, 1e6f + 3};
  float mean[2], variance[2];
  ASSERT_TRUE(reference_kernels<float>().mean_variance({}, {2, 2, 2}, x.data(), mean, variance).ok());
  EXPECT_THAT(mean, ElementsAre(4, 1e6f + 1.5f));
  EXPECT_THAT(variance, ElementsAre(5, 1.25f));
}

TEST(ReferenceMeanVariance, OfNothingAndOfOneNumber) {
  float mean = 0, variance = 0;
  ASSERT_TRUE(reference_kernels<float>().mean_variance({}, Layout::per_tensor(0), nullptr, &mean, &variance).ok());
  EXPECT_TRUE(std::isnan(mean) && std::isnan(variance));
  const BFloat16 x = from_float<BFloat16>(-3);
  ASSERT_TRUE(reference_kernels<BFloat16>().mean_variance({}, Layout::per_tensor(1), &x, &mean, &variance).ok());
  EXPECT_EQ(mean, -3);
  EXPECT_EQ(variance, 0);
}

TEST(ReferenceMeanVariance, NanAndInfinityShow) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const float x[] = {1, bad, 2};
    float mean = 0, variance = 0;
    ASSERT_TRUE(reference_kernels<float>().mean_variance({}, Layout::per_tensor(3), x, &mean, &variance).ok());
    EXPECT_FALSE(std::isfinite(mean) || std::isfinite(variance));
  }
}

}  // namespace
}  // namespace pare::backends
