#include "ops/quantizer_grid.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(QuantizerGrid, SymmetricStepIsTheScaleOverTheHighestLevel) {
  const QuantizerGrid grid = symmetric_grid({2.54f, -2.54f}, -128, 127, 0);
  EXPECT_THAT(grid.step, ElementsAre(2.54f / 127, 2.54f / 127));
  EXPECT_THAT(grid.lowest, ElementsAre(-128, -128));
  EXPECT_THAT(grid.highest, ElementsAre(127, 127));
  EXPECT_NEAR(grid.range[0], 2.54 * 255 / 127, 1e-6);
  const auto parameters = affine_parameters(grid);
  EXPECT_THAT(parameters->zero_point, ElementsAre(0, 0));
  EXPECT_EQ(parameters->code_low, -128);
  EXPECT_EQ(parameters->code_high, 127);
}

TEST(QuantizerGrid, EpsilonIsAddedToTheMagnitude) {
  EXPECT_FLOAT_EQ(symmetric_grid({-1.0f}, 0, 255, 0.5).step[0], 1.5f / 255);
  EXPECT_GT(symmetric_grid({0.0f}, 0, 255, 1e-16).step[0], 0.0f);
}

TEST(QuantizerGrid, NoScaleIsSoSmallThatItsReciprocalOverflows) {
  EXPECT_TRUE(std::isfinite(symmetric_grid({0.0f}, 0, 255, 0).inverse_step[0]));
}

TEST(QuantizerGrid, AsymmetricRangeMovesItsHighEnd) {
  // [-1, 2] in 4 levels: zp = round(3/3) = 1, both ends stay. [-1, 2.2]: zp = round(0.9375) = 1; high moved: (1-3)/1*-1
  // = 2, range 3; low moved: 1/(1-3)*2.2 = -1.1, range 3.3, which is wider.
  const QuantizerGrid grid = asymmetric_grid({-1.0f, -1.0f, -1.1f}, {3.0f, 3.2f, 3.1f}, 4, 0);
  EXPECT_THAT(grid.lowest, ElementsAre(-1, -1, -1));
  EXPECT_THAT(grid.highest, ElementsAre(2, 2, 2));
  EXPECT_NEAR(grid.range[0], 3.0, 1e-6);
  EXPECT_NEAR(grid.range[1], 3.3, 1e-6);
  EXPECT_NEAR(grid.step[1], 1.1, 1e-6);
  // [-1.1, 2]: high moved: 2.2, range 3.3.
  EXPECT_NEAR(grid.range[2], 3.3, 1e-6);
}

TEST(QuantizerGrid, AsymmetricRangeHoldsZeroWhateverTheParameters) {
  const QuantizerGrid grid = asymmetric_grid({1.0f, -5.0f, 0.0f}, {2.0f, -3.0f, 1.0f}, 256, 0);
  EXPECT_THAT(grid.lowest, ElementsAre(0, -255, 0));
  EXPECT_THAT(grid.highest, ElementsAre(255, 0, 255));
  EXPECT_DOUBLE_EQ(grid.range[0], 3.0);
  EXPECT_DOUBLE_EQ(grid.range[1], 5.0);
  EXPECT_THAT(affine_parameters(grid)->zero_point, ElementsAre(0, 255, 0));
}

TEST(QuantizerGrid, NanStaysAndIsNotExported) {
  EXPECT_TRUE(std::isnan(symmetric_grid({kNan}, 0, 255, 1e-16).step[0]));
  const auto parameters = affine_parameters(asymmetric_grid({0.0f, kNan}, {1.0f, 1.0f}, 256, 0));
  EXPECT_EQ(parameters.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(parameters.status().message()), HasSubstr("channel 1"));
}

}  // namespace
}  // namespace pare::ops
