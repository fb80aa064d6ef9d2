// Training holds no more memory after 2,000 steps than after 500, whatever the method: counted in bytes that are in
// use, epochs' evaluations, reports and checkpoints included.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "tests/resume/method_cases.h"

namespace pare {
namespace {

constexpr int64_t kSteps = 2000, kWarmUpSteps = 500, kStepsInEpoch = 50, kMeasureEvery = 25;
// The reports of the epochs are the training's result: a vector of them, which doubles its memory. Beyond them three
// bytes a step: any object that is left behind at each step, or 100 bytes an epoch, is more.
constexpr int64_t kAllowedGrowth =
    static_cast<int64_t>(2 * kSteps / kStepsInEpoch * sizeof(training::EpochReport)) + 3 * (kSteps - kWarmUpSteps) / 2;

int64_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

class Memory : public ::testing::TestWithParam<MethodCase> {};

TEST_P(Memory, DoesNotGrow) {
  set_quiet(true);
  at::set_num_threads(1);
  MethodCase each = GetParam();
  const std::unique_ptr<CaseTraining> training = make_training(each, {.steps_per_epoch = kStepsInEpoch, .workers = 0});
  // By itself: accuracy-aware training ends when it has found its rate.
  training->accuracy_aware.reset();
  training::TrainOptions options = options_for(each);
  options.epochs = kSteps / kStepsInEpoch;
  options.output_dir = absl::StrCat(::testing::TempDir(), "/memory_", each.name);
  options.checkpoint_every_steps = 50;
  std::filesystem::remove_all(options.output_dir);
  std::vector<int64_t> early, late;
  options.on_step = [&](const training::StepReport& step) {
    if (step.global_step < kWarmUpSteps || step.global_step % kMeasureEvery != 0) return;
    (step.global_step < (kWarmUpSteps + kSteps) / 2 ? early : late).push_back(bytes_in_use());
  };
  const absl::Status status = run_training(*training, options);
  ASSERT_TRUE(status.ok()) << status;
  std::filesystem::remove_all(options.output_dir);
  ASSERT_GE(late.size(), 10u);
  // The least of each half is what is held throughout.
  const int64_t growth = *std::min_element(late.begin(), late.end()) - *std::min_element(early.begin(), early.end());
  std::cout << each.name << ": " << *std::min_element(early.begin(), early.end()) << " bytes in use, grown by "
            << growth << std::endl;
  EXPECT_LE(growth, kAllowedGrowth);
}

INSTANTIATE_TEST_SUITE_P(Methods, Memory, ::testing::ValuesIn(method_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pare
