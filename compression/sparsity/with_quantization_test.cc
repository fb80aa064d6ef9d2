// Sparsity and quantization on the same weights, in either order.

#include "compression/all_methods.h"
#include "compression/analysis/calibration_net.h"
#include "compression/analysis/conv_net_testing.h"
#include "compression/create.h"
#include "ops/sparsity_masks.h"

namespace pare::sparsity {
namespace {

class WithQuantizationTest : public ::testing::TestWithParam<bool> {};

TEST_P(WithQuantizationTest, WeightsAreQuantizedAndHalfOfThemZeroInTheExportToo) {
  const nlohmann::json magnitude = {{"algorithm", "magnitude_sparsity"},
                                    {"params", {{"sparsity_target_epoch", 0}, {"sparsity_freeze_epoch", 0}}}};
  const nlohmann::json int8 = {{"algorithm", "quantization"},
                               {"initializer", {{"batchnorm_adaptation", {{"num_bn_adaptation_samples", 0}}}}}};
  const nlohmann::json methods = GetParam() ? nlohmann::json{magnitude, int8} : nlohmann::json{int8, magnitude};
  const auto config = CompressionConfig::parse({{"compression", methods}});
  ASSERT_TRUE(config.ok()) << config.status();
  const auto model = make_conv_net();
  const at::Tensor original = run(*model);
  TensorLoader images(scattered({8, 3, 8, 8}, 3), 4);
  auto compression = create_compressed_model(model, *config, {.data_loader = &images, .input_size = {{1, 3, 8, 8}}});
  ASSERT_TRUE(compression.ok()) << compression.status();
  EXPECT_EQ((*compression)->stage(), CompressionStage::kFullyCompressed);
  train_step(*model, 0.001);
  const at::Tensor compressed = run(*model);
  const double size = original.abs().max().item<double>();
  ASSERT_TRUE((*compression)->prepare_for_export().ok());
  for (const graph::Node* node : model->graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
  EXPECT_LT(run(*model).sub(compressed).abs().max().item<double>(), 0.02 * size);
  int64_t zeros = 0, all = 0;
  for (const char* name : {"conv1.weight", "conv2.weight", "fc.weight"}) {
    const at::Tensor weight = model->graph().find_parameter(name)->tensor().detach();
    zeros += ops::count_zeros(weight);
    all += weight.numel();
  }
  EXPECT_NEAR(static_cast<double>(zeros) / static_cast<double>(all), 0.5, 0.01);
}

TEST_P(WithQuantizationTest, LearnedZerosAreZeroInTheExportToo) {
  const nlohmann::json movement = {
      {"algorithm", "movement_sparsity"},
      {"params", {{"warmup_start_epoch", 1}, {"warmup_end_epoch", 3}, {"importance_regularization_factor", 0.8}}}};
  const nlohmann::json int8 = {{"algorithm", "quantization"},
                               {"initializer", {{"batchnorm_adaptation", {{"num_bn_adaptation_samples", 0}}}}}};
  const nlohmann::json methods = GetParam() ? nlohmann::json{movement, int8} : nlohmann::json{int8, movement};
  const auto config = CompressionConfig::parse({{"compression", methods}});
  ASSERT_TRUE(config.ok()) << config.status();
  const auto model = make_conv_net();
  TensorLoader images(scattered({8, 3, 8, 8}, 3), 4);
  auto compression = create_compressed_model(model, *config, {.data_loader = &images, .input_size = {{1, 3, 8, 8}}});
  ASSERT_TRUE(compression.ok()) << compression.status();
  model->graph().find_parameter("fc.weight.movement_scores")->tensor().detach().fill_(1.0)[2].fill_(-1.0);
  for (int epoch = 0; epoch < 3; ++epoch) {
    train_step(*model, 0.001);
    (*compression)->scheduler().step();
    (*compression)->scheduler().epoch_step();
  }
  EXPECT_EQ((*compression)->stage(), CompressionStage::kFullyCompressed);
  const at::Tensor compressed = run(*model).detach();
  ASSERT_TRUE((*compression)->prepare_for_export().ok());
  for (const graph::Node* node : model->graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
  EXPECT_LT(run(*model).sub(compressed).abs().max().item<double>(), 0.02 * compressed.abs().max().item<double>());
  const at::Tensor weight = model->graph().find_parameter("fc.weight")->tensor().detach();
  EXPECT_TRUE(weight[2].eq(0).all().item<bool>());
  EXPECT_EQ(ops::count_zeros(weight), 8);
}

INSTANTIATE_TEST_SUITE_P(Orders, WithQuantizationTest, ::testing::Bool());

}  // namespace
}  // namespace pare::sparsity
