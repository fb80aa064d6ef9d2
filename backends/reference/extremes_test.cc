#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ReferenceExtremes, OfEachChannel) {
  const std::vector<float> x = {1, -2, 30, 40, 5, 0, 60, -70};  // [2, 2, 2]
  float min[2], max[2], abs_max[2];
  ASSERT_TRUE(reference_kernels<float>().min_max({}, {2, 2, 2}, x.data(), min, max).ok());
  ASSERT_TRUE(reference_kernels<float>().abs_max({}, {2, 2, 2}, x.data(), abs_max).ok());
  EXPECT_THAT(min, ElementsAre(-2, -70));
  EXPECT_THAT(max, ElementsAre(5, 60));
  EXPECT_THAT(abs_max, ElementsAre(5, 70));
}

TEST(ReferenceExtremes, OfNothing) {
  float min = 0, max = 0, abs_max = 1;
  ASSERT_TRUE(reference_kernels<float>().min_max({}, Layout::per_tensor(0), nullptr, &min, &max).ok());
  ASSERT_TRUE(reference_kernels<float>().abs_max({}, Layout::per_tensor(0), nullptr, &abs_max).ok());
  EXPECT_EQ(min, kInfinity);
  EXPECT_EQ(max, -kInfinity);
  EXPECT_EQ(abs_max, 0.0f);
}

TEST(ReferenceExtremes, NanWinsWhereverItStands) {
  for (const int at : {0, 1, 2}) {
    float x[] = {-kInfinity, 3.0f, kInfinity};
    x[at] = std::numeric_limits<float>::quiet_NaN();
    float min = 0, max = 0, abs_max = 0;
    ASSERT_TRUE(reference_kernels<float>().min_max({}, Layout::per_tensor(3), x, &min, &max).ok());
    ASSERT_TRUE(reference_kernels<float>().abs_max({}, Layout::per_tensor(3), x, &abs_max).ok());
    EXPECT_TRUE(std::isnan(min) && std::isnan(max) && std::isnan(abs_max)) << "NaN at " << at;
  }
}

}  // namespace
}  // namespace pare::backends
