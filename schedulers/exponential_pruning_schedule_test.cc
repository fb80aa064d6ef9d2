#include "schedulers/exponential_pruning_schedule.h"

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(ExponentialPruningSchedule, DecaysAfterTheInitialEpochs) {
  const nlohmann::json json = {{"pruning_target", 0.875}, {"num_init_steps", 1}, {"pruning_steps", 4}};
  config::ObjectReader reader(json, "$");
  const auto schedule = ExponentialPruningSchedule::read(reader, 0);
  ASSERT_TRUE(reader.finish().ok());
  // Density 1 to 1/8 over three epochs, halved by each, from the second epoch on.
  EXPECT_EQ(schedule->level_at(0), 0);
  EXPECT_NEAR(schedule->level_at(1), 0, 1e-12);
  EXPECT_NEAR(schedule->level_at(2), 0.5, 1e-12);
  EXPECT_NEAR(schedule->level_at(3), 0.75, 1e-12);
  EXPECT_NEAR(schedule->level_at(4), 0.875, 1e-12);
  EXPECT_NEAR(schedule->level_at(40), 0.875, 1e-12);
  schedule->epoch_step(3);
  EXPECT_FALSE(schedule->is_frozen());
  schedule->epoch_step();
  EXPECT_TRUE(schedule->is_frozen());
}

TEST(ExponentialPruningSchedule, StartsFromTheInitialLevelAndMayTakeOneEpoch) {
  PruningOptions options;
  options.initial = 0.2;
  options.target = 0.6;
  options.pruning_steps = 3;
  EXPECT_NEAR(ExponentialPruningSchedule(options).level_at(0), 0.2, 1e-12);
  options.pruning_steps = 1;
  EXPECT_NEAR(ExponentialPruningSchedule(options).level_at(0), 0.6, 1e-12);
}

}  // namespace
}  // namespace pare
