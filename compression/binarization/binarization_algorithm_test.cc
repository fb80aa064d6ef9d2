#include "compression/binarization/binarization_algorithm.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/where.h>

#include "compression/analysis/calibration_net.h"
#include "compression/analysis/conv_net_testing.h"

namespace pare::binarization {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<BinarizationAlgorithm> make(const std::shared_ptr<graph::Model>& model, nlohmann::json keys) {
  keys["algorithm"] = "binarization";
  auto method = BinarizationAlgorithm::create(model, algorithm_config(keys), {{1, 3, 8, 8}});
  EXPECT_TRUE(method.ok()) << method.status();
  return method.ok() ? *std::move(method) : nullptr;
}

TensorLoader images() { return TensorLoader(scattered({8, 3, 8, 8}, 3), 4); }

// What the transforms of a convolution compute, by their definitions.
at::Tensor xnor(const at::Tensor& w) {
  const at::Tensor mean = w.abs().mean({1, 2, 3}, true);
  return at::where(w.gt(0), mean, mean.neg());
}

TEST(Binarization, AConvolutionSeesTwoWeightsAChannelAndActivationsOfOneBit) {
  const auto model = make_conv_net();
  const auto method = make(model, {{"ignored_scopes", {"conv1"}}});
  ASSERT_EQ(method->layers().size(), 1u) << "the linear layer is none of its own";
  TensorLoader loader = images();
  ASSERT_TRUE(method->initialize(loader).ok());
  const double scale = model->graph().find_parameter("conv2.activation_binarizer.scale")->tensor().item<double>();
  EXPECT_GT(scale, 0.5);
  at::Tensor weight, activation;
  model->set_observer([&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (node.op() == "pare::weight_binarizer") weight = outputs[0].toTensor();
    if (node.op() == "pare::activation_binarizer") activation = outputs[0].toTensor();
  });
  run(*model);
  model->set_observer(nullptr);
  EXPECT_TRUE(at::allclose(weight, xnor(model->graph().find_parameter("conv2.weight")->tensor()), 1e-5, 1e-7));
  const at::Tensor ones = activation.ne(0);
  EXPECT_GT(ones.sum().item<int64_t>(), 0);
  EXPECT_LT(ones.sum().item<int64_t>(), ones.numel());
  EXPECT_EQ(activation.max().item<double>(), static_cast<float>(scale));
  EXPECT_EQ(activation.masked_select(ones).min().item<double>(), static_cast<float>(scale));
}

TEST(Binarization, TrainsEverythingThatItAdds) {
  const auto model = make_conv_net();
  const auto method = make(model, {});
  TensorLoader loader = images();
  ASSERT_TRUE(method->initialize(loader).ok());
  const at::Tensor scale = model->graph().find_parameter("conv2.activation_binarizer.scale")->tensor();
  const at::Tensor threshold = model->graph().find_parameter("conv2.activation_binarizer.threshold")->tensor();
  const at::Tensor weight = model->graph().find_parameter("conv2.weight")->tensor();
  EXPECT_EQ(threshold.numel(), 8);
  const std::vector<at::Tensor> before{scale.detach().clone(), threshold.detach().clone(), weight.detach().clone()};
  train_step(*model, 0.001);
  EXPECT_FALSE(at::equal(scale.detach(), before[0]));
  EXPECT_FALSE(at::equal(threshold.detach(), before[1]));
  EXPECT_FALSE(at::equal(weight.detach(), before[2]));
}

TEST(Binarization, StagesTurnActivationsOnAndThenWeights) {
  const auto model = make_conv_net();
  const at::Tensor before = run(*model);
  const auto method =
      make(model, {{"params", {{"activations_quant_start_epoch", 1}, {"weights_quant_start_epoch", 2}}}});
  EXPECT_TRUE(at::equal(run(*model), before));
  EXPECT_EQ(method->stage(), CompressionStage::kUncompressed);
  method->scheduler().epoch_step();
  EXPECT_FALSE(at::equal(run(*model), before));
  EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed);
  EXPECT_FALSE(method->layers()[0].weights->is_enabled());
  method->scheduler().epoch_step();
  EXPECT_TRUE(method->layers()[0].weights->is_enabled());
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  EXPECT_EQ(method->scheduler().epochs_needed(), 2);
}

TEST(Binarization, ExportComputesTheSameWithPlainOperators) {
  for (const char* mode : {"xnor", "dorefa"}) {
    const auto model = make_conv_net();
    const auto method = make(model, {{"mode", mode}});
    TensorLoader loader = images();
    ASSERT_TRUE(method->initialize(loader).ok());
    model->graph().find_parameter("conv2.activation_binarizer.threshold")->tensor().detach().fill_(0.2);
    const at::Tensor before = run(*model);
    ASSERT_TRUE(method->prepare_for_export().ok());
    EXPECT_TRUE(at::allclose(run(*model), before, 1e-6, 1e-6)) << mode;
    for (const graph::Node* node : model->graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
    EXPECT_EQ(model->graph().parameters().size(), 4u);
    EXPECT_TRUE(method->prepare_for_export().ok());
    EXPECT_EQ(method->initialize(loader).code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(Binarization, CountsTheShareOfBinaryMultiplications) {
  const auto method = make(make_conv_net(), {{"ignored_scopes", {"conv1"}}});
  // conv1 3 * 8 * 9 * 64, conv2 8 * 8 * 9 * 64, fc 8 * 4.
  const double all = 13824 + 36864 + 32;
  EXPECT_NEAR(std::get<double>(*method->statistics().find("binary_macs_percent")), 100 * 36864 / all, 1e-9);
}

TEST(Binarization, RefusesWhatMakesNoSense) {
  const auto error = [](nlohmann::json keys) {
    keys["algorithm"] = "binarization";
    return std::string(
        BinarizationAlgorithm::create(make_conv_net(), algorithm_config(keys), {{1, 3, 8, 8}}).status().message());
  };
  EXPECT_THAT(error({{"mode", "xor"}}), HasSubstr("xnor"));
  EXPECT_THAT(error({{"target_scopes", {"fc"}}}), HasSubstr("no layer"));
  EXPECT_THAT(error({{"bits", 1}}), HasSubstr("bits"));
  const auto model = make_conv_net();
  make(model, {});
  EXPECT_THAT(BinarizationAlgorithm::create(model, algorithm_config({{"algorithm", "binarization"}}), {{1, 3, 8, 8}})
                  .status()
                  .message(),
              HasSubstr("do not go together"));
}

}  // namespace
}  // namespace pare::binarization
