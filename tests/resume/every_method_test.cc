// A training that is resumed ends with the same bits as one that never stopped, whatever the method, and whether it
// goes on before, at or after an epoch's end: all that decides the future is in the checkpoint. And the checkpoint
// alone, with the network, gives the compressed model.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "nlohmann/json.hpp"
#include "tests/resume/method_cases.h"
#include "training/compressed_model.h"
#include "training/output_folder.h"

namespace pare {
namespace {

namespace fs = std::filesystem;

class EveryMethod : public ::testing::TestWithParam<MethodCase> {
 protected:
  void SetUp() override {
    set_quiet(true);
    at::set_num_threads(1);
    folder_ = absl::StrCat(::testing::TempDir(), "/every_method_", GetParam().name);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  // The lines of metrics.jsonl without what depends on the clock.
  static std::vector<nlohmann::json> metrics_in(const std::string& folder) {
    std::vector<nlohmann::json> lines;
    for (absl::string_view line :
         absl::StrSplit(read_file(folder + "/metrics.jsonl").value(), '\n', absl::SkipEmpty())) {
      lines.push_back(nlohmann::json::parse(line.begin(), line.end()));
      lines.back().erase("seconds");
      lines.back().erase("data_seconds");
    }
    return lines;
  }

  std::string folder_;
};

TEST_P(EveryMethod, IsResumedToTheSameBits) {
  training::TrainOptions options = options_for(GetParam());
  options.output_dir = path("whole");
  options.checkpoint_every_steps = 1;
  options.keep_checkpoints = 1000;
  const std::unique_ptr<CaseTraining> whole = make_training(GetParam());
  const absl::Status trained = run_training(*whole, options);
  ASSERT_TRUE(trained.ok()) << trained;
  const auto expected = bits_of(*whole->algorithm);
  const std::vector<nlohmann::json> expected_metrics = metrics_in(path("whole"));
  EXPECT_EQ(whole->algorithm->stage(), CompressionStage::kFullyCompressed) << "the schedule is not over";

  size_t resumed = 0;
  for (const auto& file : fs::directory_iterator(path("whole"))) {
    const std::string name = file.path().filename();
    if (!absl::StartsWith(name, training::kStepCheckpointPrefix)) continue;
    const int64_t step = std::stoll(name.substr(std::strlen(training::kStepCheckpointPrefix)));
    if (step > 1 && step % kStepsPerEpoch > 1 && step % kStepsPerEpoch < kStepsPerEpoch - 1) continue;
    options.output_dir = path("resumed");
    fs::remove_all(options.output_dir);
    fs::create_directories(options.output_dir);
    fs::copy(file.path(), path("resumed/last.checkpoint"));
    for (const char* other : {"best.checkpoint", "metrics.jsonl"}) {
      fs::copy(path(absl::StrCat("whole/", other)), path(absl::StrCat("resumed/", other)));
    }
    options.resume = true;
    options.checkpoint_every_steps = 0;
    const std::unique_ptr<CaseTraining> parts = make_training(GetParam(), {.resumes = true});
    const absl::Status status = run_training(*parts, options);
    ASSERT_TRUE(status.ok()) << name << ": " << status;
    ASSERT_EQ(difference(bits_of(*parts->algorithm), expected), "") << "differ after resuming from " << name;
    ASSERT_EQ(metrics_in(path("resumed")), expected_metrics) << name;
    ++resumed;
  }
  EXPECT_GE(resumed, 3 * (expected_metrics.size() - 1)) << "three steps an epoch";
}

TEST_P(EveryMethod, ItsCheckpointIsLoadedWithoutTheConfig) {
  training::TrainOptions options = options_for(GetParam());
  options.output_dir = path("whole");
  options.keep_checkpoints = 1;
  const std::unique_ptr<CaseTraining> whole = make_training(GetParam());
  ASSERT_TRUE(run_training(*whole, options).ok());
  // Of accuracy-aware training the model ends as the best.
  const std::string file =
      path(GetParam().name == "accuracy_aware" ? "whole/best.checkpoint" : "whole/last.checkpoint");
  const auto loaded = training::load_compressed_model(file, make_case_network());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(difference(bits_of(**loaded), bits_of(*whole->algorithm)), "");
  EXPECT_FALSE((*loaded)->model()->is_training());
  const at::Tensor x = at::sin(at::arange(2 * 3 * 8 * 8, at::kFloat)).view({2, 3, 8, 8});
  const at::NoGradGuard no_grad;
  const at::Tensor expected = whole->algorithm->model()->forward_tensor({x}).value();
  EXPECT_TRUE(at::equal((*loaded)->model()->forward_tensor({x}).value(), expected));
  const absl::Status exported = (*loaded)->prepare_for_export();
  EXPECT_TRUE(exported.ok()) << exported;
}

class StagedQuantization : public EveryMethod {};

// The epoch's end is left to the resumed run, in which batch norms are to be frozen when a switch would adapt them.
TEST_P(StagedQuantization, InterruptedInAnEpochsLastStepIsResumedToTheSameBits) {
  constexpr int64_t kLastStepOfEpoch = 2 * kStepsPerEpoch;
  training::TrainOptions options = options_for(GetParam());
  const std::unique_ptr<CaseTraining> whole = make_training(GetParam());
  ASSERT_TRUE(run_training(*whole, options).ok());
  options.output_dir = path("stopped");
  options.on_step = [&](const training::StepReport& step) {
    if (step.global_step + 1 == kLastStepOfEpoch) raise(SIGTERM);
  };
  const std::unique_ptr<CaseTraining> stopped = make_training(GetParam());
  EXPECT_EQ(run_training(*stopped, options).code(), absl::StatusCode::kCancelled);
  options.on_step = nullptr;
  options.resume = true;
  const std::unique_ptr<CaseTraining> resumed = make_training(GetParam(), {.resumes = true});
  ASSERT_TRUE(run_training(*resumed, options).ok());
  EXPECT_EQ(difference(bits_of(*resumed->algorithm), bits_of(*whole->algorithm)), "");
}

INSTANTIATE_TEST_SUITE_P(Methods, StagedQuantization, ::testing::Values(method_case("staged_quantization")),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, ::testing::ValuesIn(method_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pare
