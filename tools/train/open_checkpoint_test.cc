#include "tools/train/open_checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>

#include "base/test_folder.h"
#include "tools/train/run_training.h"
#include "training/checkpoint.h"

namespace pare::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A linear network for procedural images, in a file.
void write_network(const std::string& path, float weight) {
  torch::jit::Module module("Net");
  module.register_parameter("fc", at::full({10, 3}, weight), false);
  module.define("def forward(self, x):\n    return torch.linear(x.mean([2, 3]), self.fc)\n");
  module.save(path);
}

class OpenCheckpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = make_test_folder();
    write_network(folder_ + "/net.pt", 0.5);
    TrainingJob job;
    job.model = folder_ + "/net.pt";
    job.data.name = "procedural";
    job.config_path = "tools/train/configs/int8.json";
    job.train_samples = 64;
    job.eval_samples = 20;
    job.batch_size = 32;
    job.export_model = false;
    job.quiet = true;
    job.train.output_dir = folder_ + "/out";
    const auto results = run_training(job);
    ASSERT_TRUE(results.ok()) << results.status();
    checkpoint_ = folder_ + "/out/last.checkpoint";
  }

  at::Tensor output_of(const OpenedCheckpoint& opened) const {
    const at::NoGradGuard no_grad;
    return opened.compression->model()->forward_tensor({at::linspace(-1, 1, 3 * 32 * 32).view({1, 3, 32, 32})}).value();
  }

  std::string folder_, checkpoint_;
};

TEST_F(OpenCheckpoint, FindsItsNetworkOrTakesTheOneThatIsGiven) {
  const auto opened = open_checkpoint(checkpoint_, "");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->network, folder_ + "/net.pt");
  EXPECT_EQ(opened->input_shape, (std::vector<int64_t>{1, 3, 32, 32}));
  EXPECT_EQ(opened->compression->config().name, "quantization");
  const at::Tensor expected = output_of(*opened);

  fs::rename(folder_ + "/net.pt", folder_ + "/moved.pt");
  EXPECT_THAT(std::string(open_checkpoint(checkpoint_, "").status().message()),
              AllOf(HasSubstr("last.checkpoint"), HasSubstr("net.pt"), HasSubstr("give it with --model")));
  const auto moved = open_checkpoint(checkpoint_, folder_ + "/moved.pt");
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_TRUE(at::equal(output_of(*moved), expected));

  // The weights are the checkpoint's, whatever the network's.
  write_network(folder_ + "/other.pt", 7);
  ::testing::internal::CaptureStderr();
  const auto other = open_checkpoint(checkpoint_, folder_ + "/other.pt");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("is not the same file"));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_TRUE(at::equal(output_of(*other), expected));
}

TEST_F(OpenCheckpoint, RefusesWhatIsNone) {
  EXPECT_TRUE(is_checkpoint_name("out/best.checkpoint"));
  EXPECT_FALSE(is_checkpoint_name("model.pt"));
  EXPECT_EQ(open_checkpoint(folder_ + "/none.checkpoint", "").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(open_checkpoint(folder_ + "/net.pt", "").status().code(), absl::StatusCode::kDataLoss);
  training::Checkpoint nameless = training::load_checkpoint(checkpoint_).value();
  nameless.source = nullptr;
  ASSERT_TRUE(training::save_checkpoint(nameless, checkpoint_).ok());
  EXPECT_THAT(std::string(open_checkpoint(checkpoint_, "").status().message()), HasSubstr("give it with --model"));
  EXPECT_TRUE(open_checkpoint(checkpoint_, folder_ + "/net.pt").ok());
}

}  // namespace
}  // namespace pare::tools
