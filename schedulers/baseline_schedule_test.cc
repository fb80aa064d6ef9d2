#include "schedulers/baseline_schedule.h"

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(BaselineSchedule, WaitsThenPrunesAndFreezes) {
  const nlohmann::json json = {{"pruning_target", 0.4}, {"num_init_steps", 2}};
  config::ObjectReader reader(json, "$");
  const auto schedule = BaselineSchedule::read(reader, 0);
  ASSERT_TRUE(reader.finish().ok());
  EXPECT_EQ(schedule->level(), 0);
  schedule->epoch_step();
  EXPECT_EQ(schedule->level(), 0);
  EXPECT_FALSE(schedule->is_frozen());
  schedule->epoch_step();
  EXPECT_EQ(schedule->level(), 0.4);
  EXPECT_TRUE(schedule->is_frozen());
}

TEST(BaselineSchedule, PrunesBeforeTheFirstEpochByDefault) {
  config::ObjectReader reader(nullptr, "$");
  const auto schedule = BaselineSchedule::read(reader, 0);
  EXPECT_EQ(schedule->level(), 0.5);
  EXPECT_TRUE(schedule->is_frozen());
}

}  // namespace
}  // namespace pare
