#include "training/train_options.h"

#include <gtest/gtest.h>

#include <limits>

#include "training/settings_difference.h"

namespace pare::training {
namespace {

TEST(TrainOptions, TheDefaultsAreInRange) { EXPECT_TRUE(check_train_options({}).ok()); }

TEST(TrainOptions, WhatIsOutOfRangeIsRefusedWithoutAModel) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<TrainOptions> bad(10);
  bad[0].epochs = 0;
  bad[1].label_smoothing = nan;
  bad[2].max_gradient_norm = -1.0;
  bad[3].max_steps = -1;
  bad[4].resume = true;
  bad[5].learning_rate.base = nan;
  bad[6].optimizer.weight_decay = -1.0;
  bad[7].optimizer.momentum = 1.0;
  bad[8].checkpoint_every_steps = -1;
  bad[9].keep_checkpoints = 0;
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(check_train_options(bad[i]).code(), absl::StatusCode::kInvalidArgument) << i;
  }
}

TEST(TrainOptions, EverySettingThatDecidesTheResultIsCompared) {
  const auto difference = [](void (*change)(TrainOptions&)) {
    TrainOptions changed;
    change(changed);
    return settings_difference(settings_of({}), settings_of(changed));
  };
  EXPECT_EQ(difference([](TrainOptions& o) { o.epochs = 7; }), "epochs was 1 and is 7 now");
  EXPECT_EQ(difference([](TrainOptions& o) { o.learning_rate.milestones = {1.5}; }),
            "learning_rate.milestones was [] and is [1.5] now");
  for (auto* change : std::vector<void (*)(TrainOptions&)>{
           [](TrainOptions& o) { o.seed = 1; }, [](TrainOptions& o) { o.freeze_batch_norm_epoch = 0; },
           [](TrainOptions& o) { o.label_smoothing = 0.1; }, [](TrainOptions& o) { o.max_gradient_norm = 1; },
           [](TrainOptions& o) { o.learning_rate.warmup_epochs = 1; },
           [](TrainOptions& o) { o.optimizer.momentum = 0; },
           [](TrainOptions& o) { o.optimizer.kind = OptimizerKind::kAdam; }}) {
    EXPECT_NE(difference(change), "");
  }
  // Where it writes and what it shows does not.
  EXPECT_EQ(difference([](TrainOptions& o) { o.output_dir = "elsewhere"; }), "");
  EXPECT_EQ(difference([](TrainOptions& o) { o.max_steps = 3; }), "");
}

}  // namespace
}  // namespace pare::training
