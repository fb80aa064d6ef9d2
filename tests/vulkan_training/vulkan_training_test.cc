// Training with the kernels of a Vulkan device ends where training with those of the processor does.

#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "backends/all_backends.h"
#include "backends/choice.h"
#include "backends/vulkan/device.h"
#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "compression/quantization/register_quantization.h"
#include "export/register_exporters.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/train/run_training.h"
#include "training/checkpoint.h"
#include "training/output_folder.h"

namespace pare::tools {
namespace {

struct Outcome {
  std::string model;  // The exported file.
  std::vector<double> losses;
  std::map<std::string, at::Tensor> ranges;  // The quantizers' parameters after the last step, by their names.
};

class VulkanTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    exporters::register_exporters();
    quantization::register_quantization();
    ASSERT_TRUE(backends::register_all_backends().ok());
    const auto choice = backends::choose_backend("vulkan", {});
    if (!choice.ok()) GTEST_SKIP() << choice.status().message();
  }
  void TearDown() override {
    for (const std::string& message : backends::vulkan::take_validation_messages()) ADD_FAILURE() << message;
  }

  // INT8 training of a small network. lr_multiplier 0 keeps the quantizers' ranges as they were initialized.
  Outcome train(const std::string& backend, double lr_multiplier) {
    const std::string folder = make_test_folder();
    TrainingJob job;
    job.model = "mlp";
    job.data.name = "procedural";
    job.config_path = folder + "/int8.json";
    EXPECT_TRUE(write_file_atomically(job.config_path, absl::StrCat(R"({"compression": {"algorithm": "quantization",
        "compression_lr_multiplier": )",
                                                                    lr_multiplier, R"(,
        "initializer": {"range": {"num_init_samples": 64}, "batchnorm_adaptation": {"num_bn_adaptation_samples": 0}}}})"))
                    .ok());
    job.backend = backend;
    job.batch_size = 32;
    job.train_samples = 128;
    job.eval_samples = 32;
    job.train.epochs = 2;
    job.train.learning_rate.base = 0.01;
    job.train.optimizer.weight_decay = 0;
    job.train.output_dir = folder + "/out";
    job.quiet = true;
    Outcome outcome;
    job.train.on_step = [&](const training::StepReport& step) { outcome.losses.push_back(step.task_loss); };
    ::testing::internal::CaptureStderr();
    const auto results = run_training(job);
    // A kernel of the processor in the place of a missing one would make both runs the same.
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr("that of cpu is used")));
    EXPECT_TRUE(results.ok()) << results.status() << log;
    if (!results.ok()) return outcome;
    outcome.model = read_file(job.train.output_dir + "/model.onnx").value();
    const auto checkpoint =
        training::load_checkpoint(absl::StrCat(job.train.output_dir, "/", training::kLastCheckpoint));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    if (!checkpoint.ok()) return outcome;
    for (const auto& [name, tensor] : checkpoint->model.tensors) {
      for (const char* parameter : {"scale", "input_low", "input_range"}) {
        if (absl::EndsWith(name, parameter)) outcome.ranges[name] = tensor;
      }
    }
    return outcome;
  }
};

TEST_F(VulkanTraining, ElementwiseKernelsGiveTheSameBits) {
  const Outcome cpu = train("cpu", 0), vulkan = train("vulkan", 0);
  ASSERT_EQ(cpu.losses.size(), 8);
  EXPECT_EQ(vulkan.losses, cpu.losses);
  EXPECT_EQ(vulkan.model, cpu.model);
}

// What the ranges learn is made of the sums of the backward pass alone, so it is that, and not the loss, which tells
// right sums from wrong ones: how far each range has gone from its beginning, on either device.
TEST_F(VulkanTraining, RangesLearnTheSame) {
  // In so few steps, ranges move by far enough only where they learn faster than weights.
  const Outcome initial = train("cpu", 0), cpu = train("cpu", 4), vulkan = train("vulkan", 4);
  ASSERT_EQ(cpu.ranges.size(), 6) << "three layers' weights and inputs";
  ASSERT_EQ(vulkan.ranges.size(), cpu.ranges.size());
  for (const auto& [name, learned] : cpu.ranges) {
    SCOPED_TRACE(name);
    const at::Tensor& before = initial.ranges.at(name);
    const double moved = (learned - before).norm().item<double>();
    // A sum's error is kSumTolerance of its terms' magnitudes, some of which cancel; each step rounds the range.
    const double tolerance = 0.02 * moved + 5e-7 * before.norm().item<double>();
    EXPECT_GT(moved, 5 * tolerance) << "too little to tell";
    EXPECT_LT((vulkan.ranges.at(name) - learned).norm().item<double>(), tolerance);
  }
}

}  // namespace
}  // namespace pare::tools
