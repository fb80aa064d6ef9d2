#include "tools/train/run_training.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "training/output_folder.h"

namespace pare::tools {
namespace {

// A minute's work made a second's: few images, a small network.
TrainingJob small_job() {
  TrainingJob job;
  job.model = "mlp";
  job.data.name = "procedural";
  job.config_path = "tools/train/configs/int8.json";
  job.batch_size = 32;
  job.train_samples = 128;
  job.eval_samples = 100;
  job.pretrain_epochs = 1;
  job.pretrain_learning_rate = 0.01;
  job.train.epochs = 2;
  job.train.learning_rate.base = 0.001;
  job.train.output_dir = make_test_folder() + "/out";
  job.quiet = true;
  return job;
}

bool exists(const std::string& path) { return read_file(path).ok(); }

TEST(RunTraining, TrainsCompressedAndExports) {
  TrainingJob job = small_job();
  job.compare_speed = true;
  const auto results = run_training(job);
  ASSERT_TRUE(results.ok()) << results.status();
  for (const char* key : {"original", "initialized", "trained", "best", "exported"}) {
    ASSERT_TRUE(results->contains(key)) << key;
    EXPECT_EQ(results->at(key).at("total"), 100) << key;
  }
  EXPECT_EQ(results->at("steps"), 8);
  EXPECT_GT(results->at("speed").at("pare").at("speedup"), 0);
  EXPECT_EQ(results->at("files").at("model"), job.train.output_dir + "/model.onnx");
  EXPECT_FALSE(results->at("statistics").empty());
  EXPECT_EQ(nlohmann::ordered_json::parse(read_file(job.train.output_dir + "/results.json").value()), *results);
  for (const char* file : {"model.onnx", "last.checkpoint", "best.checkpoint", "metrics.jsonl"}) {
    EXPECT_TRUE(exists(absl::StrCat(job.train.output_dir, "/", file))) << file;
  }
  EXPECT_LT(read_file(job.train.output_dir + "/model.onnx")->size(), 0.5 * 4 * 3072 * 256) << "weights are bytes";
}

// The same whole, and in two parts of which the first ends in step `last_step`.
void expect_parts_equal_whole(const std::function<TrainingJob()>& make_job, int64_t last_step) {
  const TrainingJob whole = make_job();
  const auto expected = run_training(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();

  TrainingJob parts = make_job();
  parts.train.on_step = [last_step](const training::StepReport& step) {
    if (step.global_step == last_step) raise(SIGINT);
  };
  EXPECT_EQ(run_training(parts).status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(exists(parts.train.output_dir + "/model.onnx"));
  parts.train.on_step = nullptr;
  parts.train.resume = true;
  const auto resumed = run_training(parts);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  for (const char* key : {"original", "initialized", "trained", "best", "steps", "stage"}) {
    EXPECT_EQ(resumed->at(key), expected->at(key)) << key;
  }
  EXPECT_EQ(read_file(parts.train.output_dir + "/model.onnx").value(),
            read_file(whole.train.output_dir + "/model.onnx").value());
}

TEST(RunTraining, AnInterruptedJobGoesOnWhereItStopped) { expect_parts_equal_whole(small_job, 5); }

// Quantizes activations from the second epoch on, weights from the third.
TrainingJob staged_job() {
  TrainingJob job = small_job();
  job.pretrain_epochs = 0;
  job.train.epochs = 4;
  job.config_path = make_test_folder() + "/staged.json";
  EXPECT_TRUE(write_file_atomically(job.config_path, R"({"compression": {"algorithm": "quantization",
      "initializer": {"range": {"num_init_samples": 64}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}},
      "params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2}}})")
                  .ok());
  return job;
}

TEST(RunTraining, AScheduleDrawsFromTheImagesAsLongAsItTrains) {
  // Warnings tell of ranges that could not be taken again.
  ::testing::internal::CaptureStderr();
  const auto results = run_training(staged_job());
  const std::string logged = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->at("stage"), "FULLY_COMPRESSED");
  EXPECT_EQ(logged.find("ranges"), std::string::npos) << logged;
}

TEST(RunTraining, AnInterruptedScheduleGoesOnWhereItStopped) {
  // In the epoch before weights are switched on.
  expect_parts_equal_whole(staged_job, 5);
}

TEST(RunTraining, AScheduleThatIsNotOverIsTold) {
  TrainingJob job = staged_job();
  job.train.epochs = 1;
  const absl::Status refused = run_training(job).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("after 2 epochs, but the training has 1"), std::string::npos) << refused;
  job.train.allow_unfinished_schedule = true;
  ::testing::internal::CaptureStderr();
  const auto results = run_training(job);
  const std::string logged = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->at("stage"), "PARTIALLY_COMPRESSED");
  EXPECT_NE(logged.find("warning: the model is PARTIALLY_COMPRESSED"), std::string::npos) << logged;
}

TEST(RunTraining, TheConfigsOfAllTargetsWork) {
  int configs = 0;
  for (const auto& file : std::filesystem::directory_iterator("tools/train/configs")) {
    if (file.path().extension() != ".json") continue;
    ++configs;
    TrainingJob job = small_job();
    job.config_path = file.path().string();
    // Movement's entries name layers of the transformer; of few filters not enough can go.
    job.model = absl::StrContains(job.config_path, "movement")  ? "vision_transformer"
                : absl::StrContains(job.config_path, "pruning") ? "resnet20"
                                                                : "small_resnet";
    job.train_samples = 32;
    job.pretrain_epochs = 0;
    job.train.epochs = 1;
    job.train.allow_unfinished_schedule = true;
    const auto results = run_training(job);
    EXPECT_TRUE(results.ok()) << job.config_path << ": " << results.status();
    if (!results.ok()) continue;
    EXPECT_TRUE(results->contains("stage")) << job.config_path;
    EXPECT_FALSE(results->at("statistics").empty()) << job.config_path;
    EXPECT_TRUE(exists(job.train.output_dir + "/model.onnx")) << job.config_path;
  }
  EXPECT_GE(configs, 11);
}

TEST(RunTraining, ALastBatchOfOneIsLeftOut) {
  TrainingJob job = small_job();
  job.pretrain_epochs = 0;
  job.train_samples = 65;
  job.train.epochs = 1;
  const auto results = run_training(job);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->at("steps"), 2);
  EXPECT_EQ(results->at("train_images"), 64);
}

TEST(RunTraining, ResumingWithOtherSettingsNamesThem) {
  TrainingJob job = small_job();
  job.train.epochs = 1;
  ASSERT_TRUE(run_training(job).ok());
  job.train.resume = true;
  const auto expect_named = [&](const std::function<void(TrainingJob&)>& change, const char* difference) {
    TrainingJob other = job;
    change(other);
    const absl::Status status = run_training(other).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << difference;
    EXPECT_NE(status.message().find(difference), std::string::npos) << status;
  };
  expect_named([](TrainingJob& other) { other.train.freeze_batch_norm_epoch = 0; }, "freeze_batch_norm_epoch was -1.0");
  expect_named([](TrainingJob& other) { other.pretrain_learning_rate = 0.02; },
               "pretrain.learning_rate.base was 0.01 and is 0.02 now");
  expect_named(
      [](TrainingJob& other) {
        other.data.mean = {0.5, 0.5, 0.4};
        other.data.stddev = {0.25, 0.25, 0.25};
      },
      "data.mean was [] and is [0.5,0.5,0.4] now");
  expect_named([](TrainingJob& other) { other.train_samples = 127; }, "train_samples was 128 and is 127 now");
  expect_named([](TrainingJob& other) { other.config_path = "tools/train/configs/w4a8.json"; },
               "compression.compression");
  EXPECT_TRUE(run_training(job).ok()) << "unchanged";
}

TEST(RunTraining, AnInterruptedPretrainingEndsTheJobAndOldCheckpointsAreNotTakenForItsOwn) {
  TrainingJob job = small_job();
  job.train.epochs = 1;
  const auto expected = run_training(job);
  ASSERT_TRUE(expected.ok()) << expected.status();
  // Started again without --resume, and stopped in the pretraining: a bar is made for each epoch.
  bool is_first = true;
  job.train.progress.clock = [&is_first] {
    if (std::exchange(is_first, false)) raise(SIGINT);
    return 0.0;
  };
  job.train.on_step = [](const training::StepReport&) { ADD_FAILURE() << "went on after the interruption"; };
  EXPECT_EQ(run_training(job).status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(exists(job.train.output_dir + "/pretrained/last.checkpoint"));
  EXPECT_FALSE(exists(job.train.output_dir + "/last.checkpoint"));
  job.train.on_step = nullptr;
  job.train.resume = true;
  int64_t steps = 0;
  job.train.on_step = [&steps](const training::StepReport&) { ++steps; };
  const auto resumed = run_training(job);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(resumed->at("original"), expected->at("original"));
  EXPECT_EQ(resumed->at("trained"), expected->at("trained"));
}

std::string accuracy_aware_config(const std::string& algorithm, const std::string& accuracy_aware) {
  const std::string path = make_test_folder() + "/accuracy_aware.json";
  EXPECT_TRUE(write_file_atomically(path, absl::StrCat(R"({"compression": {"algorithm": ")", algorithm,
                                                       R"("}, "accuracy_aware_training": )", accuracy_aware, "}"))
                  .ok());
  return path;
}

// One epoch of its own schedule, then a rate an epoch; half of the accuracy may go.
TrainingJob searching_job() {
  TrainingJob job = small_job();
  job.pretrain_epochs = 2;
  job.train.epochs = 1;
  job.config_path = accuracy_aware_config("magnitude_sparsity", R"({"mode": "adaptive_compression_level",
      "params": {"maximal_relative_accuracy_degradation": 50, "maximal_total_epochs": 5,
                 "initial_training_phase_epochs": 1, "patience_epochs": 1}})");
  return job;
}

TEST(RunTraining, SearchesForTheGreatestRateWithinTheBudget) {
  const auto results = run_training(searching_job());
  ASSERT_TRUE(results.ok()) << results.status();
  const auto& accuracy = results->at("accuracy_aware");
  EXPECT_EQ(accuracy.at("mode"), "adaptive_compression_level");
  EXPECT_EQ(accuracy.at("budget_met"), true);
  EXPECT_GT(accuracy.at("compression_rate"), 0.0);
  EXPECT_EQ(accuracy.at("accuracy"), results->at("trained").at("top1"));
  EXPECT_EQ(results->at("statistics").at("level"), accuracy.at("compression_rate")) << "the model ends as the best";
  EXPECT_EQ(results->at("stage"), "FULLY_COMPRESSED");
}

TEST(RunTraining, AnInterruptedSearchGoesOnWhereItStopped) { expect_parts_equal_whole(searching_job, 9); }

TEST(RunTraining, ExitsEarlyWithinTheBudget) {
  TrainingJob job = small_job();
  job.config_path = accuracy_aware_config(
      "quantization", R"({"mode": "early_exit", "params": {"maximal_absolute_accuracy_degradation": 0.05}})");
  const auto results = run_training(job);
  ASSERT_TRUE(results.ok()) << results.status();
  const auto& accuracy = results->at("accuracy_aware");
  ASSERT_EQ(accuracy.at("budget_met"), true);
  EXPECT_EQ(results->at("epochs"), accuracy.at("epoch").get<int64_t>() + 1);
  EXPECT_TRUE(exists(job.train.output_dir + "/model.onnx"));
}

TEST(RunTraining, WithoutAConfigItTrainsTheModelItself) {
  TrainingJob job = small_job();
  job.config_path.clear();
  job.train.epochs = 1;
  const auto results = run_training(job);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_FALSE(results->contains("initialized"));
  EXPECT_TRUE(exists(job.train.output_dir + "/model.onnx"));
}

TEST(RunTraining, MistakesAreNamedBeforeAnythingIsTrainedOrRemoved) {
  const auto expect_named = [](const char* what, const std::function<void(TrainingJob&)>& spoil) {
    TrainingJob job = small_job();  // it pretrains, which makes a folder
    const std::string folder = job.train.output_dir;
    ASSERT_TRUE(training::make_output_folder(folder).ok());
    ASSERT_TRUE(write_file_atomically(folder + "/last.checkpoint", "of an earlier training").ok());
    job.train.on_step = [](const training::StepReport&) { ADD_FAILURE() << "trained"; };
    spoil(job);
    const absl::Status status = run_training(job).status();
    EXPECT_FALSE(status.ok()) << what;
    EXPECT_NE(status.message().find(what), std::string::npos) << status;
    EXPECT_FALSE(std::filesystem::exists(folder + "/pretrained")) << what;
    EXPECT_TRUE(exists(folder + "/last.checkpoint")) << what;
  };
  const std::string bad_config = make_test_folder() + "/bad.json";
  ASSERT_TRUE(
      write_file_atomically(bad_config, R"({"compression": {"algorithm": "quantization", "presset": "mixed"}})").ok());
  const std::string no_rate = accuracy_aware_config("quantization", R"({"mode": "adaptive_compression_level"})");
  expect_named("has no compression rate", [&](TrainingJob& job) { job.config_path = no_rate; });
  expect_named("evaluation is turned off", [&](TrainingJob& job) {
    job.config_path = no_rate;
    job.evaluate_original = false;
  });
  expect_named("resnet20", [](TrainingJob& job) { job.model = "resnet2"; });
  expect_named("cifar11", [](TrainingJob& job) { job.data = {.name = "cifar11", .dir = "x"}; });
  expect_named("none.json", [](TrainingJob& job) { job.config_path = "none.json"; });
  expect_named("presset", [&](TrainingJob& job) { job.config_path = bad_config; });
  expect_named("output folder", [](TrainingJob& job) { job.train.output_dir.clear(); });
  expect_named("/proc/none/out", [](TrainingJob& job) { job.train.output_dir = "/proc/none/out"; });
  expect_named("-1", [](TrainingJob& job) { job.pretrain_epochs = -1; });
  expect_named("the batch size is 0", [](TrainingJob& job) { job.batch_size = 0; });
  expect_named("the base rate is nan", [](TrainingJob& job) { job.train.learning_rate.base = NAN; });
  expect_named("the base rate is nan", [](TrainingJob& job) { job.pretrain_learning_rate = NAN; });
  expect_named("the weight decay is -1", [](TrainingJob& job) { job.train.optimizer.weight_decay = -1; });
  expect_named("subset_size is 9999", [](TrainingJob& job) { job.train_samples = 9999; });
}

}  // namespace
}  // namespace pare::tools
