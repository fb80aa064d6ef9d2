// Training with the kernels of a Vulkan device ends where training with those of the processor does.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "backends/all_backends.h"
#include "backends/choice.h"
#include "backends/vulkan/device.h"
#include "base/atomic_file.h"
#include "compression/quantization/register_quantization.h"
#include "export/register_exporters.h"
#include "tools/train/run_training.h"

namespace pare::tools {
namespace {

std::string fresh_folder() {
  std::string path = ::testing::TempDir() + "/vulkan_XXXXXX";
  return mkdtemp(path.data()) == nullptr ? "" : path;
}

struct Outcome {
  std::string model;  // The exported file.
  std::vector<double> losses;
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
    const std::string folder = fresh_folder();
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
    const auto results = run_training(job);
    EXPECT_TRUE(results.ok()) << results.status();
    if (results.ok()) outcome.model = read_file(job.train.output_dir + "/model.onnx").value();
    return outcome;
  }
};

TEST_F(VulkanTraining, ElementwiseKernelsGiveTheSameBits) {
  const Outcome cpu = train("cpu", 0), vulkan = train("vulkan", 0);
  ASSERT_EQ(cpu.losses.size(), 8);
  EXPECT_EQ(vulkan.losses, cpu.losses);
  EXPECT_EQ(vulkan.model, cpu.model);
}

TEST_F(VulkanTraining, SumsStayWithinTheirBound) {
  const Outcome cpu = train("cpu", 1), vulkan = train("vulkan", 1);
  ASSERT_EQ(vulkan.losses.size(), cpu.losses.size());
  for (size_t i = 0; i < cpu.losses.size(); ++i) {
    // The ranges' gradients are off by kSumTolerance at most, and move the loss by less.
    EXPECT_NEAR(vulkan.losses[i], cpu.losses[i], 1e-3 * cpu.losses[i]) << "step " << i;
  }
}

}  // namespace
}  // namespace pare::tools
