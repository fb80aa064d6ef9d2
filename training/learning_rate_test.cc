#include "training/learning_rate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace pare::training {
namespace {

LearningRate make(const LearningRateOptions& options, int64_t epochs, int64_t steps_per_epoch) {
  auto rate = LearningRate::create(options, epochs, steps_per_epoch);
  EXPECT_TRUE(rate.ok()) << rate.status();
  return *rate;
}

TEST(LearningRate, ConstantStays) {
  const LearningRate rate = make({.shape = LearningRateShape::kConstant, .base = 0.3}, 2, 5);
  for (int64_t step : {0, 4, 9, 100}) EXPECT_EQ(rate.at(step), 0.3);
}

TEST(LearningRate, CosineFallsFromBaseThroughItsMiddle) {
  const LearningRate rate = make({.shape = LearningRateShape::kCosine, .base = 0.2, .final_fraction = 0.1}, 1, 8);
  EXPECT_DOUBLE_EQ(rate.at(0), 0.2);
  // t = 1/4: 0.02 + 0.18 (1 + sqrt(1/2)) / 2
  EXPECT_NEAR(rate.at(2), 0.02 + 0.18 * (1.0 + std::sqrt(0.5)) / 2.0, 1e-15);
  EXPECT_NEAR(rate.at(4), 0.11, 1e-15);
  EXPECT_GT(rate.at(7), 0.02);
  EXPECT_EQ(rate.at(8), rate.at(7)) << "steps beyond the last keep its rate";
}

TEST(LearningRate, PolynomialFollowsItsPower) {
  const LearningRate linear = make({.shape = LearningRateShape::kPolynomial, .base = 1.0}, 1, 4);
  EXPECT_DOUBLE_EQ(linear.at(0), 1.0);
  EXPECT_DOUBLE_EQ(linear.at(1), 0.75);
  EXPECT_DOUBLE_EQ(linear.at(3), 0.25);
  const LearningRate square =
      make({.shape = LearningRateShape::kPolynomial, .base = 1.0, .final_fraction = 0.2, .power = 2.0}, 1, 4);
  EXPECT_DOUBLE_EQ(square.at(2), 0.2 + 0.8 * 0.25);
}

TEST(LearningRate, StepDropsAtEachMilestone) {
  const LearningRate rate =
      make({.shape = LearningRateShape::kStep, .base = 1.0, .milestones = {1.0, 2.5}, .gamma = 0.1}, 4, 10);
  EXPECT_DOUBLE_EQ(rate.at(9), 1.0);
  EXPECT_DOUBLE_EQ(rate.at(10), 0.1);
  EXPECT_DOUBLE_EQ(rate.at(24), 0.1);
  EXPECT_NEAR(rate.at(25), 0.01, 1e-15);
  EXPECT_NEAR(rate.at(39), 0.01, 1e-15);
}

TEST(LearningRate, WarmupRisesLinearlyAndTheShapeBeginsAfterIt) {
  // 3 of 6 steps warm up: 1/4, 2/4, 3/4 of the base; then a cosine over the other 3.
  const LearningRate rate = make({.shape = LearningRateShape::kCosine, .base = 0.4, .warmup_epochs = 0.5}, 1, 6);
  EXPECT_DOUBLE_EQ(rate.at(0), 0.1);
  EXPECT_DOUBLE_EQ(rate.at(1), 0.2);
  EXPECT_DOUBLE_EQ(rate.at(2), 0.3);
  EXPECT_DOUBLE_EQ(rate.at(3), 0.4);
  EXPECT_NEAR(rate.at(4), 0.4 * (1.0 + std::cos(M_PI / 3.0)) / 2.0, 1e-15);
}

TEST(LearningRate, WarmupMayFillTheWholeTraining) {
  const LearningRate rate = make({.base = 1.0, .warmup_epochs = 1.0}, 1, 3);
  EXPECT_DOUBLE_EQ(rate.at(2), 0.75);
}

TEST(LearningRate, MoreStepsThanNumbersHoldAreClamped) {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  for (const auto& [epochs, steps] : {std::pair{huge, int64_t{1000}}, {huge, huge}, {int64_t{3}, huge}}) {
    const LearningRate rate =
        make({.shape = LearningRateShape::kStep, .base = 1.0, .milestones = {1e300}}, epochs, steps);
    EXPECT_DOUBLE_EQ(rate.at(0), 1.0);
    EXPECT_DOUBLE_EQ(rate.at(1000000), 1.0);
  }
  EXPECT_GT(make({.shape = LearningRateShape::kCosine, .base = 1.0}, huge, 1000).at(5), 0.999);
}

TEST(LearningRate, RefusesOptionsOutOfRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const LearningRateOptions bad[] = {
      {.base = 0.0},          {.base = -1.0},          {.base = nan},           {.base = INFINITY},
      {.power = 0.0},         {.final_fraction = 1.5}, {.final_fraction = nan}, {.gamma = 0.0},
      {.gamma = 2.0},         {.milestones = {2, 1}},  {.milestones = {nan}},   {.warmup_epochs = -1.0},
      {.warmup_epochs = 3.0}, {.warmup_epochs = nan},
  };
  for (const LearningRateOptions& options : bad) {
    const auto rate = LearningRate::create(options, 2, 10);
    EXPECT_EQ(rate.status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(LearningRate::create({}, 0, 10).ok());
  EXPECT_FALSE(LearningRate::create({}, 1, 0).ok());
}

TEST(LearningRate, NamesAreReadBack) {
  for (const char* name : {"constant", "cosine", "polynomial", "step"}) {
    const auto shape = parse_learning_rate_shape(name);
    ASSERT_TRUE(shape.ok());
    EXPECT_EQ(to_string(*shape), name);
  }
  const auto unknown = parse_learning_rate_shape("cosinus");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(unknown.status().message().find("cosine"), std::string::npos);
}

}  // namespace
}  // namespace pare::training
