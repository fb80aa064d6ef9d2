#include <limits>
#include <numeric>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(SelectionKey, GrowsWithTheNumber) {
  const float rising[] = {-kInfinity, -3.4e38f, -1, -1e-45f, 0, 1e-45f, 1, 1.0000001f, kInfinity, kNan};
  for (size_t i = 1; i < std::size(rising); ++i) EXPECT_LT(selection_key(rising[i - 1]), selection_key(rising[i]));
  for (size_t i = 0; i + 1 < std::size(rising); ++i) EXPECT_EQ(number_of_key(selection_key(rising[i])), rising[i]);
  EXPECT_EQ(selection_key(-0.0f), selection_key(0.0f));
  EXPECT_EQ(selection_key(-kNan), kNanKey);
  EXPECT_NE(number_of_key(kNanKey), number_of_key(kNanKey));
}

TEST(ReferenceKeyHistogram, CountsInsideAndOutsideAndAddsUp) {
  // Floats from 1 on: two bins of 2^22 keys are [1, 1.5) and [1.5, 2).
  const uint32_t low = selection_key(1);
  const std::vector<float> x = {1, 1.25f, 1.5f, 1.9f, 2, 0.99f, -1, -0.0f, kInfinity, -kInfinity, kNan, -kNan};
  std::vector<int64_t> counts(4, 100);
  ASSERT_TRUE(reference_kernels<float>()
                  .key_histogram({}, Layout::per_tensor(x.size()), x.data(), {}, {&low, 22, 2}, counts.data())
                  .ok());
  EXPECT_THAT(counts, ElementsAre(104, 102, 102, 104));
}

TEST(ReferenceKeyHistogram, OfScaledDistancesOfEachChannel) {
  const float center[] = {1, 10}, scale[] = {2, 0.5f};
  const uint32_t low[] = {selection_key(2), selection_key(2)};
  const float x[] = {0, 1, 2, 14, 6, 30};  // [1, 2, 3]: 2, 0, 2 and 2, 2, 10.
  std::vector<int64_t> counts(6);
  ASSERT_TRUE(reference_kernels<float>()
                  .key_histogram({}, {1, 2, 3}, x, {true, center, scale}, {low, 0, 1}, counts.data())
                  .ok());
  EXPECT_THAT(counts, ElementsAre(1, 2, 0, 0, 2, 1));
}

TEST(ReferenceKeyHistogram, AllKeysAtOnce) {
  const uint32_t low = 0;
  const BFloat16 x[] = {from_float<BFloat16>(-2), from_float<BFloat16>(0.5f), from_float<BFloat16>(kNan)};
  std::vector<int64_t> counts((1 << 16) + 2);
  ASSERT_TRUE(reference_kernels<BFloat16>()
                  .key_histogram({}, Layout::per_tensor(3), x, {}, {&low, 16, 1 << 16}, counts.data())
                  .ok());
  EXPECT_EQ(counts.front() + counts.back(), 0);
  EXPECT_EQ(counts[1 + (selection_key(-2) >> 16)], 1);
  EXPECT_EQ(counts[1 + (selection_key(0.5f) >> 16)], 1);
  EXPECT_EQ(counts[1 + 0xFFFF], 1);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), int64_t{0}), 3);
}

}  // namespace
}  // namespace pare::backends
