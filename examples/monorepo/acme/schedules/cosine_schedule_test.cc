#include "acme/schedules/cosine_schedule.h"

#include "config/object_reader.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "schedulers/registry.h"

namespace acme {
namespace {

TEST(CosineSchedule, RisesAlongHalfAWave) {
  const CosineSchedule schedule(4);
  EXPECT_EQ(schedule.level_at(0), 0);
  EXPECT_NEAR(schedule.level_at(1), 0.146447, 1e-6);
  EXPECT_NEAR(schedule.level_at(2), 0.5, 1e-12);
  EXPECT_EQ(schedule.level_at(4), 1);
  EXPECT_EQ(schedule.level_at(9), 1);
}

TEST(CosineSchedule, IsFoundByItsNameAndReadsItsKey) {
  const nlohmann::json json = {{"schedule", "acme_cosine"}, {"ramp_epochs", 2}};
  pare::config::ObjectReader params(json, "$");
  const auto schedule = pare::make_level_schedule("acme", "none", params, {});
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  EXPECT_TRUE(params.finish().ok());
  (*schedule)->epoch_step();
  EXPECT_NEAR((*schedule)->level(), 0.5, 1e-12);
}

}  // namespace
}  // namespace acme
