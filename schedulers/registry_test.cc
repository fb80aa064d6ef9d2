#include "schedulers/registry.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::unique_ptr<LevelSchedule>> make(const std::string& family, const nlohmann::json& params) {
  config::ObjectReader reader(params, "$.params");
  auto schedule =
      make_level_schedule(family, "exponential", reader, {.initial = 0, .current_level = [] { return 0.0; }});
  if (schedule.ok() && !reader.finish().ok()) return reader.finish();
  return schedule;
}

TEST(ScheduleRegistry, HoldsTheSchedulesOfBothFamilies) {
  EXPECT_THAT(registered_level_schedules("pruning"), ElementsAre("baseline", "exponential", "exponential_with_bias"));
  for (const std::string name : {"adaptive", "exponential", "multistep", "polynomial"}) {
    EXPECT_THAT(registered_level_schedules("sparsity"), Contains(name));
    EXPECT_TRUE(make("sparsity", {{"schedule", name}}).ok());
  }
  for (const std::string& name : registered_level_schedules("pruning")) {
    EXPECT_TRUE(make("pruning", {{"schedule", name}}).ok()) << name;
  }
}

TEST(ScheduleRegistry, TheFamilyDecidesWhatANameMeans) {
  const nlohmann::json params = nlohmann::json::object();
  // Half way: 45 of 90 epochs for sparsity, 49.5 of 99 for pruning.
  EXPECT_NEAR((*make("sparsity", params))->level_at(45), 1 - std::sqrt(0.5), 1e-12);
  EXPECT_NEAR((*make("pruning", params))->level_at(49.5), 1 - std::sqrt(0.5), 1e-12);
}

TEST(ScheduleRegistry, MistakesHavePlaces) {
  EXPECT_THAT(std::string(make("sparsity", {{"schedule", "exponentail"}}).status().message()),
              HasSubstr("$.params.schedule: expected one of"));
  EXPECT_THAT(std::string(make("sparsity", {{"schedule", "exponentail"}}).status().message()),
              HasSubstr("did you mean \"exponential\"?"));
  EXPECT_THAT(std::string(make("pruning", {{"pruning_target", 3}}).status().message()),
              HasSubstr("$.params.pruning_target"));
  EXPECT_EQ(make("none", nlohmann::json::object()).status().code(), absl::StatusCode::kNotFound);
}

TEST(ScheduleRegistry, TakesSchedulesFromOutside) {
  class Constant : public LevelSchedule {
   public:
    explicit Constant(double level) : LevelSchedule({}), level_(level) {}
    double level_at(double) const override { return level_; }

   private:
    double level_;
  };
  const auto factory = [](config::ObjectReader& params, const LevelScheduleInputs&) {
    return std::make_unique<Constant>(params.number("value", 0.5));
  };
  EXPECT_TRUE(register_level_schedule("sparsity", "constant", factory));
  EXPECT_FALSE(register_level_schedule("sparsity", "constant", factory));
  const auto schedule = make("sparsity", {{"schedule", "constant"}, {"value", 0.25}});
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_EQ((*schedule)->level(), 0.25);
}

TEST(LevelScheduleRegistry, SaysWhereItEndsAndHowManyEpochsThatTakes) {
  const auto made = [](const std::string& family, const std::string& name, const nlohmann::json& json) {
    config::ObjectReader params(json, "$");
    return make_level_schedule(family, name, params, {.initial = 0.2, .current_level = [] { return 0.0; }}).value();
  };
  const nlohmann::json sparsity = {
      {"sparsity_target", 0.6}, {"sparsity_target_epoch", 4}, {"sparsity_freeze_epoch", 9}};
  EXPECT_EQ(made("sparsity", "polynomial", sparsity)->epochs_needed(), 4);
  EXPECT_NEAR(made("sparsity", "polynomial", sparsity)->target(), 0.6, 1e-12);
  EXPECT_EQ(made("sparsity", "exponential", sparsity)->epochs_needed(), 4);
  EXPECT_NEAR(made("sparsity", "exponential", sparsity)->target(), 0.6, 1e-12);
  EXPECT_EQ(made("sparsity", "adaptive", sparsity)->epochs_needed(), 0);
  EXPECT_NEAR(made("sparsity", "adaptive", sparsity)->target(), 0.6, 1e-12);
  EXPECT_EQ(made("sparsity", "multistep", nlohmann::json::object())->epochs_needed(), 90);
  EXPECT_NEAR(made("sparsity", "multistep", nlohmann::json::object())->target(), 0.5, 1e-12);
  // Frozen on the way, it ends there.
  const auto frozen =
      made("sparsity", "polynomial",
           {{"sparsity_target", 0.6}, {"sparsity_target_epoch", 4}, {"sparsity_freeze_epoch", 2}, {"power", 1}});
  EXPECT_EQ(frozen->epochs_needed(), 2);
  EXPECT_NEAR(frozen->target(), 0.4, 1e-12);
  const nlohmann::json pruning = {{"pruning_target", 0.4}, {"num_init_steps", 3}, {"pruning_steps", 5}};
  EXPECT_EQ(made("pruning", "baseline", pruning)->epochs_needed(), 3);
  EXPECT_EQ(made("pruning", "exponential", pruning)->epochs_needed(), 7);
  EXPECT_NEAR(made("pruning", "exponential", pruning)->target(), 0.4, 1e-12);
  EXPECT_EQ(made("pruning", "exponential_with_bias", pruning)->epochs_needed(), 7);
  EXPECT_NEAR(made("pruning", "exponential_with_bias", pruning)->target(), 0.4, 1e-12);
}

}  // namespace
}  // namespace pare
