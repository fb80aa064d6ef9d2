// All of acme's parts in one training, which names none of them: the config does.

#include "acme/training/train_points.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linspace.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstdlib>
#include <set>
#include <string>

#include "acme/backend/scalar_backend.h"
#include "gtest/gtest.h"

namespace acme {
namespace {

TEST(TrainPoints, TrainsWithAcmesMethodScheduleLossAndBackendAndExports) {
  const auto config = pare::CompressionConfig::load("acme/training/gradual_rounding.json");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::string file = std::string(std::getenv("TEST_TMPDIR")) + "/points.pt";
  const int64_t calls_before = kernel_calls();
  const auto trained = train_points(*config, {.epochs = 8, .output = file});
  ASSERT_TRUE(trained.ok()) << trained.status();

  const auto& epochs = trained->result.epochs;
  ASSERT_EQ(epochs.size(), 8u);
  EXPECT_LT(epochs.back().task_loss, 0.5 * epochs.front().task_loss) << "the network learns";
  EXPECT_GT(trained->result.last->top1(), 0.9);
  EXPECT_GT(epochs.front().compression_loss, 0) << "acme's loss pulls at the weights";
  EXPECT_EQ(epochs.front().stage, pare::CompressionStage::kPartiallyCompressed) << "acme's schedule is on its way";
  EXPECT_EQ(epochs.back().stage, pare::CompressionStage::kFullyCompressed);
  EXPECT_GE(kernel_calls() - calls_before, 2 * 8 * 30) << "two layers in each step are rounded by acme's backend";

  const at::NoGradGuard no_grad;
  torch::jit::Module loaded = torch::jit::load(file);
  loaded.eval();
  const at::Tensor x = at::linspace(-1, 1, 64).reshape({32, 2});
  const auto expected = trained->model->forward_tensor({x});
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(loaded.forward({x}).toTensor().allclose(*expected, 0, 1e-6));

  int64_t weights = 0;
  for (const auto& parameter : loaded.named_parameters()) {
    if (parameter.value.dim() < 2) continue;
    ++weights;
    const at::Tensor values = parameter.value.reshape({-1}).contiguous();
    EXPECT_LE(std::set<float>(values.data_ptr<float>(), values.data_ptr<float>() + values.numel()).size(), 15u)
        << parameter.name << ": 4 bits are 15 levels";
  }
  EXPECT_EQ(weights, 2);
}

TEST(TrainPoints, AMistakeInTheConfigIsFoundByAcmesOwnReader) {
  auto config = pare::CompressionConfig::load("acme/training/gradual_rounding.json");
  ASSERT_TRUE(config.ok()) << config.status();
  config->algorithms[0].object["bit"] = 3;
  const auto trained = train_points(*config, {.epochs = 1, .output = "unused.pt"});
  EXPECT_EQ(std::string(trained.status().message()), "$.compression: unknown key \"bit\"; did you mean \"bits\"?");
}

}  // namespace
}  // namespace acme
