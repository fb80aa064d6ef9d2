#include "schedulers/level_schedule.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare {
namespace {

using ::testing::ElementsAre;

// A tenth an epoch.
class Linear : public LevelSchedule {
 public:
  using LevelSchedule::LevelSchedule;
  double level_at(double epochs) const override { return epochs / 10; }
};

TEST(LevelSchedule, TheLevelIsThatOfTheEpochToCome) {
  Linear schedule{LevelScheduleOptions()};
  EXPECT_EQ(schedule.level(), 0);
  schedule.step();
  EXPECT_EQ(schedule.level(), 0) << "steps do not count unless asked for";
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.1);
  schedule.epoch_step(4);
  EXPECT_DOUBLE_EQ(schedule.level(), 0.5);
  schedule.epoch_step(99);
  EXPECT_EQ(schedule.level(), 1) << "levels are clipped";
}

TEST(LevelSchedule, FreezesAndTellsTheListenerOnceMore) {
  Linear schedule({.freeze_epoch = 3});
  std::vector<double> levels;
  schedule.set_listener([&](const LevelSchedule& now) { levels.push_back(now.level()); });
  for (int epoch = 0; epoch < 5; ++epoch) {
    EXPECT_EQ(schedule.is_frozen(), epoch >= 3);
    schedule.step();
    schedule.epoch_step();
  }
  EXPECT_THAT(levels, ElementsAre(0.1, 0.2, 0.3));
  EXPECT_EQ(schedule.level(), 0.3);
}

TEST(LevelSchedule, PerStepWithAKnownNumberOfSteps) {
  Linear schedule({.update_per_step = true, .steps_per_epoch = 4});
  std::vector<double> levels;
  schedule.set_listener([&](const LevelSchedule& now) { levels.push_back(now.level()); });
  for (int i = 0; i < 2; ++i) schedule.step();
  EXPECT_THAT(levels, ElementsAre(0.025, 0.05));  // 1/4 and 2/4 of an epoch
  for (int i = 0; i < 3; ++i) schedule.step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.1) << "more steps than announced do not run ahead of the epoch";
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.1);
  schedule.step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.125);
}

TEST(LevelSchedule, PerStepCountsTheStepsOfTheFirstEpoch) {
  Linear schedule({.update_per_step = true});
  for (int i = 0; i < 2; ++i) schedule.step();
  EXPECT_EQ(schedule.level(), 0);
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.1);
  schedule.step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.15);
}

TEST(LevelSchedule, OnlyTheFirstWholeEpochIsCounted) {
  // Numbers that jump say nothing about how many steps an epoch has: 100 steps here are those of several.
  Linear jumped({.update_per_step = true});
  jumped.step(99);
  jumped.epoch_step(4);
  for (int i = 0; i < 10; ++i) jumped.step();
  EXPECT_DOUBLE_EQ(jumped.level(), 0.5) << "the level of the epoch, without a part of it";
  jumped.epoch_step();
  for (int i = 0; i < 5; ++i) jumped.step();
  EXPECT_DOUBLE_EQ(jumped.level(), 0.6);
}

TEST(LevelSchedule, ResumesInTheMiddleOfAnEpoch) {
  Linear schedule({.update_per_step = true});
  for (int i = 0; i < 2; ++i) schedule.step();
  schedule.epoch_step();
  schedule.step();
  Linear resumed({.update_per_step = true});
  ASSERT_TRUE(resumed.set_state(schedule.state()).ok());
  EXPECT_EQ(resumed.level(), schedule.level());
  resumed.step();
  EXPECT_DOUBLE_EQ(resumed.level(), 0.2);
  EXPECT_FALSE(resumed.set_state(nlohmann::json{{"step", 1}, {"epoch", 1}}).ok());
  EXPECT_DOUBLE_EQ(resumed.level(), 0.2);
}

TEST(LevelSchedule, Statistics) {
  Linear schedule({.freeze_epoch = 2});
  schedule.epoch_step(1);
  EXPECT_EQ(schedule.statistics().to_json().dump(), R"({"level":0.2,"frozen":true})");
}

TEST(LevelSchedule, AHeldLevelIsLeftAloneByEpochsAndByFreezing) {
  Linear schedule({.freeze_epoch = 3});
  for (int epoch = 0; epoch < 4; ++epoch) schedule.epoch_step();
  ASSERT_TRUE(schedule.is_frozen());
  std::vector<double> levels;
  schedule.set_listener([&](const LevelSchedule& now) { levels.push_back(now.level()); });
  schedule.hold(0.7);
  EXPECT_FALSE(schedule.is_frozen());
  EXPECT_EQ(schedule.target(), 0.7);
  for (int epoch = 0; epoch < 2; ++epoch) schedule.epoch_step();
  EXPECT_THAT(levels, ElementsAre(0.7)) << "masks taken anew at an epoch's end would be judged untrained";
  EXPECT_EQ(schedule.current_epoch(), 5);
}

TEST(LevelSchedule, AStateKeepsWhetherTheLevelIsHeld) {
  Linear held{LevelScheduleOptions()}, other{LevelScheduleOptions()};
  const nlohmann::json free_state = held.state();
  held.hold(0.3);
  ASSERT_TRUE(other.set_state(held.state()).ok());
  EXPECT_EQ(other.level(), 0.3);
  ASSERT_TRUE(other.set_state(free_state).ok());
  EXPECT_EQ(other.level(), 0) << "a state that is not held lets go";
  nlohmann::json damaged = held.state();
  damaged["held"] = 2;
  EXPECT_EQ(other.set_state(damaged).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare
