#include "tools/train/run_training.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"

namespace pare::tools {
namespace {

std::string fresh_folder() {
  std::string path = ::testing::TempDir() + "/job_XXXXXX";
  return mkdtemp(path.data()) == nullptr ? "" : path;
}

// A minute's work made a second's: few images, a small network.
TrainingJob small_job() {
  TrainingJob job;
  job.model = "mlp";
  job.dataset = "procedural";
  job.config_path = "tools/train/configs/int8.json";
  job.batch_size = 32;
  job.train_samples = 128;
  job.eval_samples = 100;
  job.pretrain_epochs = 1;
  job.pretrain_learning_rate = 0.01;
  job.train.epochs = 2;
  job.train.learning_rate.base = 0.001;
  job.train.output_dir = fresh_folder() + "/out";
  job.quiet = true;
  return job;
}

bool exists(const std::string& path) { return read_file(path).ok(); }

TEST(RunTraining, TrainsCompressedAndExports) {
  const TrainingJob job = small_job();
  const auto results = run_training(job);
  ASSERT_TRUE(results.ok()) << results.status();
  for (const char* key : {"original", "initialized", "trained", "best"}) {
    ASSERT_TRUE(results->contains(key)) << key;
    EXPECT_EQ(results->at(key).at("total"), 100) << key;
  }
  EXPECT_EQ(results->at("steps"), 8);
  EXPECT_FALSE(results->at("statistics").empty());
  EXPECT_EQ(nlohmann::ordered_json::parse(read_file(job.train.output_dir + "/results.json").value()), *results);
  for (const char* file : {"model.onnx", "last.checkpoint", "best.checkpoint", "metrics.jsonl"}) {
    EXPECT_TRUE(exists(absl::StrCat(job.train.output_dir, "/", file))) << file;
  }
  EXPECT_LT(read_file(job.train.output_dir + "/model.onnx")->size(), 0.5 * 4 * 3072 * 256) << "weights are bytes";
}

TEST(RunTraining, AnInterruptedJobGoesOnWhereItStopped) {
  TrainingJob whole = small_job();
  const auto expected = run_training(whole);
  ASSERT_TRUE(expected.ok()) << expected.status();

  TrainingJob parts = small_job();
  parts.train.on_step = [](const training::StepReport& step) {
    if (step.global_step == 5) raise(SIGINT);
  };
  EXPECT_EQ(run_training(parts).status().code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(exists(parts.train.output_dir + "/model.onnx"));
  parts.train.on_step = nullptr;
  parts.train.resume = true;
  const auto resumed = run_training(parts);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->at("trained"), expected->at("trained"));
  EXPECT_EQ(resumed->at("steps"), expected->at("steps"));
  EXPECT_EQ(read_file(parts.train.output_dir + "/model.onnx").value(),
            read_file(whole.train.output_dir + "/model.onnx").value());
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

TEST(RunTraining, MistakesAreNamedBeforeAnythingIsTrained) {
  const auto error_of = [](const std::function<void(TrainingJob&)>& spoil) {
    TrainingJob job = small_job();
    job.train.on_step = [](const training::StepReport&) { ADD_FAILURE() << "trained"; };
    job.pretrain_epochs = 0;
    spoil(job);
    const absl::Status status = run_training(job).status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  const auto mentions = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  std::string error = error_of([](TrainingJob& job) { job.model = "resnet2"; });
  EXPECT_TRUE(mentions(error, "resnet20")) << error;
  error = error_of([](TrainingJob& job) { job.dataset = "cifar11"; });
  EXPECT_TRUE(mentions(error, "cifar11")) << error;
  error = error_of([](TrainingJob& job) { job.config_path = "none.json"; });
  EXPECT_TRUE(mentions(error, "none.json")) << error;
  error = error_of([](TrainingJob& job) { job.train.output_dir.clear(); });
  EXPECT_TRUE(mentions(error, "output folder")) << error;
  error = error_of([](TrainingJob& job) { job.train.output_dir = "/proc/none/out"; });
  EXPECT_TRUE(mentions(error, "/proc/none/out")) << error;
  error = error_of([](TrainingJob& job) { job.pretrain_epochs = -1; });
  EXPECT_TRUE(mentions(error, "-1")) << error;
}

}  // namespace
}  // namespace pare::tools
