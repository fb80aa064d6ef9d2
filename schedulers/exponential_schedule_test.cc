#include "schedulers/exponential_schedule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(ExponentialSchedule, TheDensityDecaysByTheSameFactorEachEpoch) {
  SparsityOptions options;
  options.initial = 0.2;
  options.target = 0.95;
  options.target_epoch = 4;
  const ExponentialSchedule schedule(options);
  // Density from 0.8 to 0.05 in four epochs: 0.8 * (1/16)^(epochs/4) = 0.8, 0.4, 0.2, 0.1, 0.05.
  EXPECT_NEAR(schedule.level_at(0), 0.2, 1e-12);
  EXPECT_NEAR(schedule.level_at(1), 0.6, 1e-12);
  EXPECT_NEAR(schedule.level_at(2), 0.8, 1e-12);
  EXPECT_NEAR(schedule.level_at(3), 0.9, 1e-12);
  EXPECT_NEAR(schedule.level_at(4), 0.95, 1e-12);
  EXPECT_NEAR(schedule.level_at(100), 0.95, 1e-12);
  EXPECT_LE(schedule.level_at(100), 0.95);
}

TEST(ExponentialSchedule, IsReadFromAConfig) {
  const nlohmann::json json = {{"sparsity_target", 0.75}, {"sparsity_target_epoch", 2}};
  config::ObjectReader reader(json, "$");
  const auto schedule = ExponentialSchedule::read(reader, 0);
  ASSERT_TRUE(reader.finish().ok()) << reader.finish();
  schedule->epoch_step();
  EXPECT_NEAR(schedule->level(), 0.5, 1e-12);  // density 1, 1/2, 1/4
  const nlohmann::json bad = {{"sparsity_target", 1}};
  config::ObjectReader bad_reader(bad, "$");
  ExponentialSchedule::read(bad_reader, 0);
  EXPECT_FALSE(bad_reader.finish().ok());
}

}  // namespace
}  // namespace pare
