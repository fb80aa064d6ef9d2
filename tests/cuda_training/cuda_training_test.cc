// Training on a CUDA device, each method in turn: it learns what training on the processor learns, and its files hold
// it. Skipped where there is no such device. PARE_CUDA_DEVICE names one ("cuda" if it is not set).

#include <ATen/Context.h>
#include <signal.h>
#include <stdlib.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "compression/all_methods.h"
#include "export/register_exporters.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/common/device.h"
#include "tools/train/run_training.h"

namespace pare::tools {
namespace {

struct Method {
  const char* name;
  const char* compression;  // The config's "compression".
  // How far the loss may be off in the first step and in later ones, of itself: the sums of LibTorch's own operators
  // differ in their last bits, which quantizers and signs make more of with each layer and each step.
  double first_tolerance = 0.02, tolerance = 0.15;
};

constexpr char kInt8[] = R"({"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 64},
                              "batchnorm_adaptation": {"num_bn_adaptation_samples": 32}}})";

const Method kMethods[] = {
    {"Int8", kInt8},
    {"AsymmetricInt4",
     R"({"algorithm": "quantization", "weights": {"bits": 4}, "activations": {"mode": "asymmetric"}, "initializer":
        {"range": {"type": "percentile", "num_init_samples": 64}, "batchnorm_adaptation":
        {"num_bn_adaptation_samples": 0}}})",
     0.1, 0.4},
    {"Hawq", R"({"algorithm": "quantization", "initializer": {"range": {"num_init_samples": 64}, "batchnorm_adaptation":
                {"num_bn_adaptation_samples": 0}, "precision": {"type": "hawq", "bits": [4, 8], "compression_ratio": 1.5,
                "iter_number": 4, "num_data_points": 32}}})",
     0.1, 0.4},
    {"Magnitude",
     R"({"algorithm": "magnitude_sparsity", "params": {"sparsity_target": 0.5, "sparsity_target_epoch": 0}})"},
    {"Rb", R"({"algorithm": "rb_sparsity", "compression_lr_multiplier": 100, "params": {"sparsity_target": 0.5,
              "sparsity_target_epoch": 1, "sparsity_freeze_epoch": 2}})"},
    {"NOfM", R"({"algorithm": "n_of_m_sparsity", "params": {"n": 2, "m": 4}})"},
    {"Movement", R"({"algorithm": "movement_sparsity", "params": {"warmup_start_epoch": 1, "warmup_end_epoch": 2,
                    "importance_regularization_factor": 0.05}})"},
    {"Pruning", R"({"algorithm": "filter_pruning", "params": {"schedule": "exponential", "pruning_target": 0.3,
                   "pruning_steps": 1}})"},
    {"Binarization", R"({"algorithm": "binarization", "mode": "xnor", "ignored_scopes": ["conv1"]})"},
    {"Distillation", R"([{"algorithm": "magnitude_sparsity", "params": {"sparsity_target": 0.5, "sparsity_target_epoch":
                        0}}, {"algorithm": "knowledge_distillation", "type": "softmax"}])"},
};

class CudaTraining : public ::testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    exporters::register_exporters();
    register_all_methods();
    const char* const wanted = std::getenv("PARE_CUDA_DEVICE");
    const absl::StatusOr<c10::Device> device = open_device(wanted == nullptr ? "cuda" : wanted);
    if (!device.ok()) GTEST_SKIP() << "CUDA: " << device.status().message();
    device_ = *device;
    at::globalContext().setAllowTF32CuDNN(false);  // Ten bits of a number would be no comparison.
  }

  TrainingJob job(c10::Device device, const std::string& folder) const {
    TrainingJob job;
    job.model = "resnet20";
    job.data.name = "procedural";
    job.config_path = folder_ + "/config.json";
    EXPECT_TRUE(
        write_file_atomically(job.config_path, absl::StrCat("{\"compression\": ", GetParam().compression, "}")).ok());
    job.device = device;
    job.batch_size = 16;
    job.train_samples = 64;
    job.eval_samples = 32;
    job.train.epochs = 2;
    job.train.learning_rate.base = 0.01;
    job.train.allow_unfinished_schedule = true;
    job.train.output_dir = absl::StrCat(folder_, "/", folder);
    job.quiet = true;
    return job;
  }

  c10::Device device_ = c10::Device(c10::kCPU);
  const std::string folder_ = make_test_folder();
};

TEST_P(CudaTraining, LearnsWhatTheProcessorLearns) {
  std::vector<double> losses[2];
  nlohmann::ordered_json results[2];
  for (int i = 0; i < 2; ++i) {
    TrainingJob one = i == 0 ? job(c10::Device(c10::kCPU), "processor") : job(device_, "device");
    one.train.on_step = [&](const training::StepReport& step) { losses[i].push_back(step.task_loss); };
    ::testing::internal::CaptureStderr();
    const auto done = run_training(one);
    const std::string log = ::testing::internal::GetCapturedStderr();
    ASSERT_TRUE(done.ok()) << done.status() << log;
    EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr("that of cpu is used")));
    results[i] = *done;
  }
  ASSERT_EQ(losses[0].size(), 8);
  ASSERT_EQ(losses[1].size(), 8);
  for (size_t step = 0; step < losses[0].size(); ++step) {
    EXPECT_TRUE(std::isfinite(losses[1][step])) << step;
    const double tolerance = step == 0 ? GetParam().first_tolerance : GetParam().tolerance;
    EXPECT_NEAR(losses[1][step], losses[0][step], tolerance * losses[0][step]) << step;
  }
  EXPECT_EQ(results[1]["stage"], results[0]["stage"]);
  // What was exported is what was trained, but for an image or two that lies on the edge.
  EXPECT_NEAR(results[1]["exported"]["top1"].get<double>(), results[1]["trained"]["top1"].get<double>(), 2.0 / 32);
}

// The files of a training are for any device.
TEST_P(CudaTraining, GoesOnOnTheProcessor) {
  TrainingJob stopped = job(device_, "stopped");
  stopped.train.on_step = [](const training::StepReport& step) {
    if (step.global_step == 5) raise(SIGINT);
  };
  ASSERT_EQ(run_training(stopped).status().code(), absl::StatusCode::kCancelled);
  TrainingJob resumed = job(c10::Device(c10::kCPU), "stopped");
  resumed.train.resume = true;
  const auto results = run_training(resumed);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ((*results)["steps"], 8);
}

INSTANTIATE_TEST_SUITE_P(Methods, CudaTraining, ::testing::ValuesIn(kMethods),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace pare::tools
