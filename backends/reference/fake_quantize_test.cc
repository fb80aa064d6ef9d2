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
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Levels -1, -0.5, 0, 0.5: three bits would be [-4, 3]; two are enough to work out by hand.
constexpr float kStep[] = {0.5f}, kInverse[] = {2.0f}, kLowest[] = {-2.0f}, kHighest[] = {1.0f};
constexpr QuantizationGrid kGrid{kStep, kInverse, kLowest, kHighest};

TEST(ReferenceFakeQuantize, RoundsHalvesToEvenAndClamps) {
  const std::vector<float> x = {0.25f, 0.75f, -0.25f, -0.75f, 0.26f, 5.0f, -5.0f, kInfinity, -kInfinity, 0.49f};
  std::vector<float> y(x.size());
  ASSERT_TRUE(reference_kernels<float>()
                  .fake_quantize_forward({}, Layout::per_tensor(x.size()), x.data(), kGrid, y.data())
                  .ok());
  EXPECT_THAT(y, ElementsAre(0.0f, 0.5f, 0.0f, -1.0f, 0.5f, 0.5f, -1.0f, 0.5f, -1.0f, 0.5f));
  EXPECT_FALSE(std::signbit(y[2])) << "a level has no negative zero";
}

TEST(ReferenceFakeQuantize, NanComesOutAsNan) {
  const float x = kNan;
  float y = 0;
  ASSERT_TRUE(reference_kernels<float>().fake_quantize_forward({}, Layout::per_tensor(1), &x, kGrid, &y).ok());
  EXPECT_TRUE(std::isnan(y));
}

TEST(ReferenceFakeQuantize, ChannelsHaveGridsOfTheirOwn) {
  const float step[] = {1.0f, 10.0f}, inverse[] = {1.0f, 0.1f}, lowest[] = {-1.0f, 0.0f}, highest[] = {1.0f, 3.0f};
  // [outer 2, channels 2, inner 2]
  const std::vector<float> x = {0.9f, -3.0f, 14.0f, -14.0f, 0.2f, 2.0f, 26.0f, 99.0f};
  std::vector<float> y(x.size());
  ASSERT_TRUE(reference_kernels<float>()
                  .fake_quantize_forward({}, {2, 2, 2}, x.data(), {step, inverse, lowest, highest}, y.data())
                  .ok());
  EXPECT_THAT(y, ElementsAre(1.0f, -1.0f, 10.0f, 0.0f, 0.0f, 1.0f, 30.0f, 30.0f));
}

TEST(ReferenceFakeQuantize, BackwardDividesTheGradientIntoThreeParts) {
  //                            inside  inside    above  below  on the edges: inside
  const std::vector<float> x = {0.375f, -0.625f, 0.75f, -1.5f, 0.5f, -1.0f};
  const std::vector<float> dy = {1.0f, 2.0f, 4.0f, 8.0f, 16.0f, 32.0f};
  std::vector<float> dx(x.size());
  float inside = 0, above = 0, below = 0;
  const FakeQuantizeSums sums{&inside, &above, &below};
  ASSERT_TRUE(reference_kernels<float>()
                  .fake_quantize_backward({}, Layout::per_tensor(6), dy.data(), x.data(), kGrid, dx.data(), &sums)
                  .ok());
  EXPECT_THAT(dx, ElementsAre(1.0f, 2.0f, 0.0f, 0.0f, 16.0f, 32.0f));
  EXPECT_EQ(inside, 1.0f * 0.125f + 2.0f * 0.125f);
  EXPECT_EQ(above, 4.0f);
  EXPECT_EQ(below, 8.0f);
}

TEST(ReferenceFakeQuantize, NanIsInsideSoThatItShows) {
  const float x = kNan, dy = 1;
  float dx = 0, inside = 0, above = 0, below = 0;
  const FakeQuantizeSums sums{&inside, &above, &below};
  ASSERT_TRUE(
      reference_kernels<float>().fake_quantize_backward({}, Layout::per_tensor(1), &dy, &x, kGrid, &dx, &sums).ok());
  EXPECT_EQ(dx, 1.0f);
  EXPECT_TRUE(std::isnan(inside));
}

}  // namespace
}  // namespace pare::backends
