#include "schedulers/multistep_schedule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

TEST(MultistepSchedule, StepsFromTheNamedEpochsOn) {
  const MultistepSchedule schedule({}, {2, 5}, {0.1, 0.4, 0.6});
  EXPECT_EQ(schedule.level_at(0), 0.1);
  EXPECT_EQ(schedule.level_at(1.9), 0.1);
  EXPECT_EQ(schedule.level_at(2), 0.4);
  EXPECT_EQ(schedule.level_at(4), 0.4);
  EXPECT_EQ(schedule.level_at(5), 0.6);
  EXPECT_EQ(schedule.level_at(500), 0.6);
}

TEST(MultistepSchedule, Defaults) {
  config::ObjectReader reader(nullptr, "$");
  const auto schedule = MultistepSchedule::read(reader, 0);
  EXPECT_TRUE(reader.finish().ok());
  EXPECT_EQ(schedule->level_at(89), 0.1);
  EXPECT_EQ(schedule->level_at(90), 0.5);
}

TEST(MultistepSchedule, MistakesAreTheReaders) {
  const auto error = [](const nlohmann::json& json) {
    config::ObjectReader reader(json, "$");
    MultistepSchedule::read(reader, 0)->level();
    return std::string(reader.finish().message());
  };
  EXPECT_THAT(error({{"multistep_steps", {5, 5}}, {"multistep_sparsity_levels", {0, 0.1, 0.2}}}), HasSubstr("rising"));
  EXPECT_THAT(error({{"multistep_steps", {5, 6}}}), HasSubstr("expected 3 levels"));
  EXPECT_THAT(error({{"multistep_sparsity_levels", {0.5, 1.0}}}), HasSubstr("nothing would be left"));
  EXPECT_THAT(error({{"multistep_sparsity_levels", {0.5, 2}}}), HasSubstr("$.multistep_sparsity_levels[1]"));
}

}  // namespace
}  // namespace pare
