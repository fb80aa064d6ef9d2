#include "training/accuracy/rate_search.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::training {
namespace {

using ::testing::HasSubstr;

AccuracyAwareSettings adaptive() { return {.mode = AccuracyAwareMode::kAdaptiveCompressionLevel}; }

struct Move {
  bool is_within_budget;
  bool goes_on;
  double rate, step, learning_rate_factor;
  int direction;
};

void expect_moves(RateSearch& search, const std::vector<Move>& moves) {
  for (size_t i = 0; i < moves.size(); ++i) {
    EXPECT_EQ(search.next(moves[i].is_within_budget), moves[i].goes_on) << i;
    EXPECT_DOUBLE_EQ(search.rate(), moves[i].rate) << i;
    EXPECT_DOUBLE_EQ(search.step(), moves[i].step) << i;
    EXPECT_DOUBLE_EQ(search.learning_rate_factor(), moves[i].learning_rate_factor) << i;
    EXPECT_EQ(search.direction(), moves[i].direction) << i;
  }
}

TEST(RateSearch, StepAndLearningRateHalveAtEachChangeOfDirection) {
  RateSearch search(adaptive());
  search.start(0.3);
  expect_moves(search, {{true, true, 0.4, 0.1, 1.0, 1},
                        {true, true, 0.5, 0.1, 1.0, 1},
                        {true, true, 0.6, 0.1, 1.0, 1},
                        {false, true, 0.55, 0.05, 0.5, -1},
                        {false, true, 0.5, 0.05, 0.5, -1},  // the same direction: the same step
                        {true, true, 0.525, 0.025, 0.25, 1},
                        {true, true, 0.55, 0.025, 0.25, 1},
                        {false, false, 0.55, 0.025, 0.25, 1}});  // 0.0125 is below the minimal step
}

TEST(RateSearch, StartsDownwardWhereTheFirstVerdictIsOver) {
  RateSearch search(adaptive());
  search.start(0.5);
  expect_moves(search, {{false, true, 0.4, 0.1, 1.0, -1}, {true, true, 0.45, 0.05, 0.5, 1}});
}

TEST(RateSearch, EndsWhereItCanGoNoFurther) {
  RateSearch up(adaptive());
  up.start(0.8);
  expect_moves(up, {{true, true, 0.9, 0.1, 1.0, 1}, {true, true, 0.95, 0.1, 1.0, 1}, {true, false, 0.95, 0.1, 1.0, 1}});
  RateSearch down(adaptive());
  down.start(0.12);
  expect_moves(down, {{false, true, 0.05, 0.1, 1.0, -1}, {false, false, 0.05, 0.1, 1.0, -1}});
}

TEST(RateSearch, AStartBeyondTheRangeIsNeverPassed) {
  RateSearch low(adaptive());
  low.start(0.0);
  EXPECT_FALSE(low.next(false));
  RateSearch high(adaptive());
  high.start(0.98);
  EXPECT_FALSE(high.next(true));
  EXPECT_EQ(high.rate(), 0.98);
  EXPECT_TRUE(high.next(false));
  EXPECT_DOUBLE_EQ(high.rate(), 0.88);
}

TEST(RateSearch, TakesItsFactorsFromTheSettings) {
  AccuracyAwareSettings settings = adaptive();
  settings.initial_rate_step = 0.2;
  settings.minimal_rate_step = 0.05;
  settings.rate_step_reduction_factor = 0.25;
  settings.learning_rate_reduction_factor = 0.1;
  RateSearch search(settings);
  search.start(0.4);
  expect_moves(
      search, {{true, true, 0.6, 0.2, 1.0, 1}, {false, true, 0.55, 0.05, 0.1, -1}, {true, false, 0.55, 0.05, 0.1, -1}});
}

TEST(RateSearch, GoesOnFromItsState) {
  RateSearch whole(adaptive()), rest(adaptive());
  whole.start(0.3);
  for (const bool verdict : {true, true, false}) ASSERT_TRUE(whole.next(verdict));
  ASSERT_TRUE(rest.set_state(nlohmann::json::parse(whole.state().dump())).ok());
  EXPECT_EQ(rest.state(), whole.state());
  EXPECT_TRUE(whole.next(true));
  EXPECT_TRUE(rest.next(true));
  EXPECT_EQ(rest.rate(), whole.rate());
}

TEST(RateSearch, RefusesADamagedState) {
  RateSearch search(adaptive());
  nlohmann::json state = search.state();
  state["rate"] = 1.5;
  EXPECT_THAT(search.set_state(state).message(), HasSubstr("a number from 0 to 1 under \"rate\""));
  state.erase("rate");
  EXPECT_FALSE(search.set_state(state).ok());
  EXPECT_FALSE(search.set_state(nullptr).ok());
}

}  // namespace
}  // namespace pare::training
