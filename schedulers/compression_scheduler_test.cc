#include "schedulers/compression_scheduler.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare {
namespace {

TEST(CompressionScheduler, CountsFromBeforeTheFirstCall) {
  CompressionScheduler scheduler;
  EXPECT_EQ(scheduler.current_step(), -1);
  EXPECT_EQ(scheduler.current_epoch(), -1);
  scheduler.step();
  EXPECT_EQ(scheduler.current_step(), 0);
  scheduler.step();
  scheduler.epoch_step();
  EXPECT_EQ(scheduler.current_step(), 1);
  EXPECT_EQ(scheduler.current_epoch(), 0);
}

TEST(CompressionScheduler, LeavesLearningRateAndWeightDecayAlone) {
  CompressionScheduler scheduler;
  scheduler.epoch_step(50);
  EXPECT_EQ(scheduler.learning_rate_factor(), 1);
  EXPECT_EQ(scheduler.weight_decay_factor(), 1);
}

TEST(CompressionScheduler, TakesTheNumberThatHasEnded) {
  CompressionScheduler scheduler;
  scheduler.step(41);
  scheduler.epoch_step(6);
  EXPECT_EQ(scheduler.current_step(), 41);
  EXPECT_EQ(scheduler.current_epoch(), 6);
  scheduler.step();
  scheduler.epoch_step();
  EXPECT_EQ(scheduler.current_step(), 42);
  EXPECT_EQ(scheduler.current_epoch(), 7);
}

TEST(CompressionScheduler, TheStateGoesThroughACheckpoint) {
  CompressionScheduler scheduler;
  scheduler.step(41);
  scheduler.epoch_step(6);
  EXPECT_EQ(scheduler.state().dump(), R"({"epoch":6,"step":41})");
  CompressionScheduler resumed;
  ASSERT_TRUE(resumed.set_state(scheduler.state()).ok());
  EXPECT_EQ(resumed.current_step(), 41);
  EXPECT_EQ(resumed.current_epoch(), 6);
}

TEST(CompressionScheduler, ADamagedStateChangesNothing) {
  CompressionScheduler scheduler;
  scheduler.step(3);
  for (const char* text : {"null", "[]", "{}", R"({"step": 1})", R"({"step": 1, "epoch": "2"})",
                           R"({"step": 1.5, "epoch": 2})", R"({"step": 1, "epoch": -2})"}) {
    EXPECT_EQ(scheduler.set_state(nlohmann::json::parse(text)).code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(scheduler.current_step(), 3);
  EXPECT_TRUE(scheduler.statistics().empty());
}

}  // namespace
}  // namespace pare
