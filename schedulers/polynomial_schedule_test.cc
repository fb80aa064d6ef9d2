#include "schedulers/polynomial_schedule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

SparsityOptions options() {
  SparsityOptions options;
  options.initial = 0.1;
  options.target = 0.9;
  options.target_epoch = 4;
  return options;
}

TEST(PolynomialSchedule, ConcaveRisesFastAtFirst) {
  const PolynomialSchedule schedule(options(), 2, true);
  EXPECT_DOUBLE_EQ(schedule.level_at(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.level_at(1), 0.45);  // 0.9 - 0.8 (3/4)^2 = 0.9 - 0.45
  EXPECT_DOUBLE_EQ(schedule.level_at(2), 0.7);   // 0.9 - 0.8 (1/2)^2 = 0.9 - 0.2
  EXPECT_DOUBLE_EQ(schedule.level_at(4), 0.9);
  EXPECT_DOUBLE_EQ(schedule.level_at(40), 0.9);
}

TEST(PolynomialSchedule, ConvexRisesSlowlyAtFirst) {
  const PolynomialSchedule schedule(options(), 2, false);
  EXPECT_DOUBLE_EQ(schedule.level_at(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.level_at(1), 0.15);  // 0.1 + 0.8 / 16
  EXPECT_DOUBLE_EQ(schedule.level_at(2), 0.3);   // 0.1 + 0.8 / 4
  EXPECT_DOUBLE_EQ(schedule.level_at(4), 0.9);
}

TEST(PolynomialSchedule, IsReadFromAConfig) {
  const nlohmann::json json = {
      {"power", 1}, {"concave", false}, {"sparsity_target", 0.5}, {"sparsity_target_epoch", 2}};
  config::ObjectReader reader(json, "$");
  const auto schedule = PolynomialSchedule::read(reader, 0.1);
  ASSERT_TRUE(reader.finish().ok()) << reader.finish();
  EXPECT_DOUBLE_EQ(schedule->level(), 0.1);
  schedule->epoch_step();
  EXPECT_DOUBLE_EQ(schedule->level(), 0.3);
  const nlohmann::json bad = {{"power", 0}};
  config::ObjectReader bad_reader(bad, "$");
  PolynomialSchedule::read(bad_reader, 0);
  EXPECT_EQ(std::string(bad_reader.finish().message()), "$.power: expected a number above 0, found 0");
}

}  // namespace
}  // namespace pare
