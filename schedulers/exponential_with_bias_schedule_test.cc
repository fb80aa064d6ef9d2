#include "schedulers/exponential_with_bias_schedule.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

PruningOptions options(double initial, double target) {
  PruningOptions options;
  options.initial = initial;
  options.target = target;
  options.num_init_steps = 3;
  options.pruning_steps = 17;  // E = 16, E / 8 = 2
  return options;
}

// The definition: the three values, and that the curve between them is an exponential with a bias, for which the
// differences over equal distances have a constant ratio.
void check(double initial, double target) {
  SCOPED_TRACE(testing::Message() << initial << " " << target);
  const ExponentialWithBiasSchedule schedule(options(initial, target));
  EXPECT_EQ(schedule.level_at(2.9), 0);
  EXPECT_NEAR(schedule.level_at(3), initial, 1e-12);
  EXPECT_NEAR(schedule.level_at(3 + 2), 0.75 * target, 1e-9);
  EXPECT_NEAR(schedule.level_at(3 + 16), target, 1e-12);
  EXPECT_NEAR(schedule.level_at(100), target, 1e-12);
  const auto difference = [&](double x) { return schedule.level_at(3 + x + 1) - schedule.level_at(3 + x); };
  const double ratio = difference(1) / difference(0);
  for (double x = 1; x < 12; ++x) EXPECT_NEAR(difference(x + 1), difference(x) * ratio, 1e-9);
}

TEST(ExponentialWithBiasSchedule, MeetsItsThreeConditions) {
  check(0, 0.5);
  check(0, 0.9);
  check(0.1, 0.5);
  check(0.3, 0.5);
}

TEST(ExponentialWithBiasSchedule, ByHand) {
  // 3/4 target - initial = (target - initial) / 8 is the line: target 0.7, initial 0.5 gives 0.025 = 0.2 / 8.
  const ExponentialWithBiasSchedule line(options(0.5, 0.7));
  EXPECT_NEAR(line.level_at(3 + 8), 0.6, 1e-9);
  // From 0, 1 + u + ... + u^7 = 4/3. One Newton step from u = 1/4 (whose sum is (1 - 4^-8) / (3/4) = 1.333313, slope
  // about 1.7773): u = 0.25 + 0.0000203 / 1.7773 = 0.2500114. Half way, share = (1 - u^4) / (1 - u^8) = 1 / (1 + u^4).
  const ExponentialWithBiasSchedule curve(options(0, 0.5));
  EXPECT_NEAR(curve.level_at(3 + 8), 0.5 / (1 + std::pow(0.2500114, 4)), 1e-7);
}

TEST(ExponentialWithBiasSchedule, ReadsAndRefuses) {
  const nlohmann::json json = {{"pruning_target", 0.5}, {"pruning_steps", 1}};
  config::ObjectReader reader(json, "$");
  EXPECT_EQ(ExponentialWithBiasSchedule::read(reader, 0)->level(), 0.5);
  EXPECT_TRUE(reader.finish().ok());
  config::ObjectReader same(json, "$");
  EXPECT_EQ(ExponentialWithBiasSchedule::read(same, 0.5)->level(), 0.5);
  EXPECT_TRUE(same.finish().ok());
  config::ObjectReader high(json, "$");
  ExponentialWithBiasSchedule::read(high, 0.4);
  EXPECT_THAT(std::string(high.finish().message()), ::testing::HasSubstr("three quarters of the target"));
}

}  // namespace
}  // namespace pare
