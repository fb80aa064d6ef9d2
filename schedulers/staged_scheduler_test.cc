#include "schedulers/staged_scheduler.h"

#include <cmath>

#include "config/object_reader.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare {
namespace {

struct Fixture {
  explicit Fixture(StagedParams params)
      : scheduler(
            params,
            [this](bool w, bool a) {
              weights = w;
              activations = a;
            },
            [this] { ++switches; }) {}
  bool weights = false, activations = false;
  int switches = 0;
  StagedScheduler scheduler;
};

TEST(StagedScheduler, TurnsEachKindOnInItsEpoch) {
  Fixture f({.activations_quant_start_epoch = 1, .weights_quant_start_epoch = 3});
  EXPECT_FALSE(f.activations);
  EXPECT_FALSE(f.weights);
  f.scheduler.epoch_step();  // Epoch 0 has ended, 1 comes.
  EXPECT_TRUE(f.activations);
  EXPECT_FALSE(f.weights);
  EXPECT_EQ(f.switches, 1);
  f.scheduler.epoch_step();
  EXPECT_FALSE(f.weights);
  EXPECT_EQ(f.switches, 1);
  f.scheduler.epoch_step();
  EXPECT_TRUE(f.weights);
  EXPECT_EQ(f.switches, 2);
  f.scheduler.epoch_step();
  EXPECT_EQ(f.switches, 2);
}

TEST(StagedScheduler, StartOfZeroIsAtOnce) {
  Fixture f({.activations_quant_start_epoch = 0, .weights_quant_start_epoch = 1});
  EXPECT_TRUE(f.activations);
  EXPECT_FALSE(f.weights);
  EXPECT_EQ(f.switches, 0);
}

TEST(StagedScheduler, NumbersMayJump) {
  Fixture f({.activations_quant_start_epoch = 2, .weights_quant_start_epoch = 5});
  f.scheduler.epoch_step(6);
  EXPECT_TRUE(f.activations && f.weights);
  EXPECT_EQ(f.switches, 1);
}

TEST(StagedScheduler, StateRestoresWithoutInitialising) {
  Fixture a({}), b({});
  a.scheduler.epoch_step(4);
  ASSERT_TRUE(b.scheduler.set_state(a.scheduler.state()).ok());
  EXPECT_TRUE(b.weights && b.activations);
  EXPECT_EQ(b.switches, 0);
}

TEST(StagedScheduler, LearningRateAndWeightDecay) {
  Fixture f({.lr_poly_drop_start_epoch = 2, .lr_poly_drop_duration_epochs = 10, .disable_wd_start_epoch = 3});
  EXPECT_EQ(f.scheduler.learning_rate_factor(), 1);
  f.scheduler.epoch_step(1);  // 2 comes
  EXPECT_EQ(f.scheduler.learning_rate_factor(), 1);
  EXPECT_EQ(f.scheduler.weight_decay_factor(), 1);
  f.scheduler.epoch_step(6);  // 7 comes: half of the way
  EXPECT_NEAR(f.scheduler.learning_rate_factor(), std::pow(0.5, 2.1), 1e-12);
  EXPECT_EQ(f.scheduler.weight_decay_factor(), 0);
  f.scheduler.epoch_step(40);
  EXPECT_EQ(f.scheduler.learning_rate_factor(), 0);
}

TEST(StagedParams, ReadsItsKeys) {
  const nlohmann::json json = {{"activations_quant_start_epoch", 4}, {"base_lr", 0.5}, {"disable_wd_start_epoch", 7}};
  config::ObjectReader reader(json, "$.params");
  const StagedParams params = StagedParams::read(reader);
  ASSERT_TRUE(reader.finish().ok());
  EXPECT_EQ(params.activations_quant_start_epoch, 4);
  EXPECT_EQ(params.weights_quant_start_epoch, 1);
  EXPECT_EQ(params.base_lr, 0.5);
  EXPECT_EQ(params.base_wd, 1e-5);
  EXPECT_EQ(params.disable_wd_start_epoch, 7);
  EXPECT_EQ(params.lr_poly_drop_duration_epochs, 30);
  EXPECT_FALSE(params.lr_poly_drop_start_epoch.has_value());
}

}  // namespace
}  // namespace pare
