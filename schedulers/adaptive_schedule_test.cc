#include "schedulers/adaptive_schedule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare {
namespace {

TEST(AdaptiveSchedule, RisesOnlyWhenTheModelHasFollowed) {
  SparsityOptions options;
  options.initial = 0.2;
  options.target = 0.28;
  double sparsity = 0.1;
  AdaptiveSchedule schedule(options, {}, [&] { return sparsity; });
  EXPECT_DOUBLE_EQ(schedule.level(), 0.2);
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.2) << "0.1 < 0.2 - 0.03";
  sparsity = 0.171;
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.25) << "0.171 >= 0.2 - 0.03";
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.25) << "0.171 < 0.25 - 0.03";
  sparsity = 0.9;
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.28) << "not beyond the target";
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.28);
}

TEST(AdaptiveSchedule, PatienceCountsEpochsThatHaveFollowed) {
  double sparsity = 1;
  AdaptiveSchedule schedule({}, {.patience = 2, .step = 0.1}, [&] { return sparsity; });
  schedule.epoch_step();
  EXPECT_EQ(schedule.level(), 0);
  schedule.epoch_step();
  EXPECT_DOUBLE_EQ(schedule.level(), 0.1);
}

TEST(AdaptiveSchedule, StopsWhenFrozenAndTellsTheListenerTheNewLevel) {
  SparsityOptions options;
  options.freeze_epoch = 2;
  AdaptiveSchedule schedule(options, {}, [] { return 1.0; });
  std::vector<double> levels;
  schedule.set_listener([&](const LevelSchedule& now) { levels.push_back(now.level()); });
  for (int epoch = 0; epoch < 5; ++epoch) schedule.epoch_step();
  EXPECT_THAT(levels, ::testing::ElementsAre(0.05, 0.1));
  EXPECT_DOUBLE_EQ(schedule.level(), 0.1);
}

TEST(AdaptiveSchedule, Resumes) {
  AdaptiveSchedule schedule({}, {.patience = 2}, [] { return 1.0; });
  for (int epoch = 0; epoch < 3; ++epoch) schedule.epoch_step();
  AdaptiveSchedule resumed({}, {.patience = 2}, [] { return 1.0; });
  ASSERT_TRUE(resumed.set_state(schedule.state()).ok());
  EXPECT_DOUBLE_EQ(resumed.level(), 0.05);
  resumed.epoch_step();
  EXPECT_DOUBLE_EQ(resumed.level(), 0.1) << "the third epoch counted already";
  EXPECT_FALSE(resumed.set_state(nlohmann::json::object()).ok());
}

TEST(AdaptiveSchedule, NeedsAMethodThatLearns) {
  config::ObjectReader reader(nullptr, "$.params");
  AdaptiveSchedule::read(reader, 0, nullptr);
  EXPECT_EQ(reader.finish().code(), absl::StatusCode::kFailedPrecondition);
  config::ObjectReader good(nullptr, "$.params");
  EXPECT_EQ(AdaptiveSchedule::read(good, 0.3, [] { return 0.0; })->level(), 0.3);
  EXPECT_TRUE(good.finish().ok());
}

}  // namespace
}  // namespace pare
