#include "compression/quantization/quantization_algorithm.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <string>

#include "compression/analysis/calibration_net.h"
#include "compression/create.h"
#include "compression/registry.h"
#include "graph/state.h"
#include "graph/validate.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

AlgorithmConfig config(const std::string& keys = "") {
  AlgorithmConfig algorithm;
  algorithm.name = "quantization";
  algorithm.path = "$.compression";
  algorithm.object = nlohmann::json::parse(R"({"algorithm": "quantization")" + (keys.empty() ? "" : ", " + keys) + "}");
  return algorithm;
}

std::unique_ptr<QuantizationAlgorithm> make(std::shared_ptr<graph::Model> model, const std::string& keys = "") {
  auto algorithm = QuantizationAlgorithm::create(std::move(model), config(keys), {{1, 2, 4, 4}});
  EXPECT_TRUE(algorithm.ok()) << algorithm.status();
  return *std::move(algorithm);
}

TensorLoader loader(int64_t samples = 40) { return TensorLoader(scattered({samples, 2, 4, 4}, 11), 8); }

const at::Tensor& test_input() {
  static const at::Tensor& x = *new at::Tensor(scattered({6, 2, 4, 4}, 12));
  return x;
}

// Of all samples, as the model computes it now.
float greatest_of_relu(graph::Model& model, TensorLoader& data) {
  float greatest = 0;
  model.set_observer([&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (node.op() == "aten::relu") greatest = std::max(greatest, outputs[0].toTensor().max().item<float>());
  });
  EXPECT_TRUE(data.start_epoch(0).ok());
  for (auto batch = *data.next(); batch.has_value(); batch = *data.next()) {
    EXPECT_TRUE(model.forward_tensor(batch->inputs).ok());
  }
  model.set_observer(nullptr);
  return greatest;
}

float scale_of(const QuantizationAlgorithm& algorithm, const std::string& name) {
  const graph::Value* scale = algorithm.model()->graph().find_parameter(name + ".quantizer.scale");
  EXPECT_NE(scale, nullptr) << name;
  return scale == nullptr ? 0 : scale->tensor().max().item<float>();
}

TEST(QuantizationAlgorithm, CalibratesAndStaysCloseToTheModel) {
  const at::NoGradGuard no_grad;
  const at::Tensor expected = *make_calibration_net()->forward_tensor({test_input()});
  for (const char* preset : {"performance", "mixed"}) {
    const auto algorithm = make(make_calibration_net(), std::string("\"preset\": \"") + preset + "\"");
    TensorLoader data = loader();
    ASSERT_TRUE(algorithm->initialize(data).ok());
    EXPECT_TRUE(graph::validate(algorithm->model()->graph()).ok());
    const at::Tensor y = *algorithm->model()->forward_tensor({test_input()});
    EXPECT_FALSE(y.equal(expected));
    EXPECT_LT(y.sub(expected).abs().max().item<float>(), 0.05 * expected.abs().max().item<float>());
    EXPECT_EQ(algorithm->stage(), CompressionStage::kFullyCompressed);
  }
}

TEST(QuantizationAlgorithm, EverythingLearns) {
  const auto algorithm = make(make_calibration_net());
  TensorLoader data = loader();
  ASSERT_TRUE(algorithm->initialize(data).ok());
  algorithm->model()->train();
  (*algorithm->model()->forward_tensor({test_input()})).pow(2).sum().backward();
  for (const auto& [name, parameter] : algorithm->model()->named_parameters()) {
    ASSERT_TRUE(parameter.grad().defined()) << name;
    EXPECT_TRUE(parameter.grad().isfinite().all().item<bool>()) << name;
  }
}

TEST(QuantizationAlgorithm, ExportComputesTheSameWithPlainOperators) {
  const at::NoGradGuard no_grad;
  for (const char* keys : {"", R"("preset": "mixed")", R"("weights": {"bits": 4, "per_channel": true})",
                           R"("weights": {"mode": "asymmetric", "bits": 5})"}) {
    const auto algorithm = make(make_calibration_net(), keys);
    TensorLoader data = loader();
    ASSERT_TRUE(algorithm->initialize(data).ok());
    const at::Tensor before = *algorithm->model()->forward_tensor({test_input()});
    const std::string statistics = algorithm->statistics().to_text();
    ASSERT_TRUE(algorithm->prepare_for_export().ok());
    ASSERT_TRUE(algorithm->prepare_for_export().ok());
    const graph::Graph& graph = algorithm->model()->graph();
    ASSERT_TRUE(graph::validate(graph).ok());
    for (const graph::Node* node : graph.nodes()) {
      EXPECT_FALSE(node->is_transform());
      EXPECT_NE(node->op(), "aten::batch_norm");
    }
    const at::Tensor after = *algorithm->model()->forward_tensor({test_input()});
    // Float's rounding may move an activation to the next level, but seldom.
    EXPECT_LT(after.sub(before).abs().mean().item<float>(), 1e-3) << keys;
    EXPECT_EQ(algorithm->statistics().to_text(), statistics);
    EXPECT_EQ(algorithm->initialize(data).code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(QuantizationAlgorithm, StagedScheduleTurnsQuantizersOn) {
  const at::NoGradGuard no_grad;
  const auto algorithm =
      make(make_calibration_net(), R"("params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2})");
  TensorLoader data = loader();
  ASSERT_TRUE(algorithm->initialize(data).ok());
  ASSERT_NE(algorithm->staged_scheduler(), nullptr);
  EXPECT_EQ(algorithm->stage(), CompressionStage::kUncompressed);
  const at::Tensor expected = *make_calibration_net()->forward_tensor({test_input()});
  EXPECT_TRUE(algorithm->model()->forward_tensor({test_input()})->equal(expected));
  // Training moves the weights: the switch initialises their range again.
  graph::Value* weight = algorithm->model()->graph().find_parameter("conv2.weight");
  weight->tensor().mul_(10);
  // And those before an activation: the switch takes its range again.
  algorithm->model()->graph().find_parameter("bn1.weight")->tensor().mul_(3);
  const float greatest = greatest_of_relu(*algorithm->model(), data);
  algorithm->scheduler().epoch_step();
  EXPECT_EQ(algorithm->stage(), CompressionStage::kPartiallyCompressed);
  EXPECT_FLOAT_EQ(scale_of(*algorithm, "relu/aten::relu"), greatest);
  algorithm->scheduler().epoch_step();
  EXPECT_EQ(algorithm->stage(), CompressionStage::kFullyCompressed);
  const at::Tensor scale = algorithm->model()->graph().find_parameter("conv2.weight.quantizer.scale")->tensor();
  EXPECT_FLOAT_EQ(scale.max().item<float>(), weight->tensor().abs().max().item<float>());
}

TEST(QuantizationAlgorithm, StateGoesIntoAFreshModel) {
  const at::NoGradGuard no_grad;
  const auto trained = make(make_calibration_net());
  TensorLoader data = loader();
  ASSERT_TRUE(trained->initialize(data).ok());
  const auto fresh = make(make_calibration_net());
  ASSERT_TRUE(graph::set_state(*fresh->model(), graph::get_state(*trained->model())).ok());
  ASSERT_TRUE(fresh->set_state(trained->state()).ok());
  EXPECT_TRUE(fresh->model()->forward_tensor({test_input()})->equal(*trained->model()->forward_tensor({test_input()})));
}

TEST(QuantizationAlgorithm, StateOfRangesPerChannelGoesIntoAFreshModel) {
  const at::NoGradGuard no_grad;
  for (const char* mode : {"symmetric", "asymmetric"}) {
    const auto create = [&] {
      AlgorithmConfig per_channel =
          config(std::string(R"("activations": {"per_channel": true, "mode": ")") + mode + "\"}");
      per_channel.target_device = "TRIAL";
      auto algorithm = QuantizationAlgorithm::create(make_calibration_net(), per_channel, {{1, 2, 4, 4}});
      EXPECT_TRUE(algorithm.ok()) << algorithm.status();
      return *std::move(algorithm);
    };
    const auto trained = create(), fresh = create();
    TensorLoader data = loader();
    ASSERT_TRUE(trained->initialize(data).ok());
    const Quantizer& of_input = *trained->quantizers()[2].quantizer;
    ASSERT_FALSE(of_input.is_weight());
    ASSERT_EQ(of_input.parameters()[0]->tensor().numel(), 2);
    const absl::Status status = graph::set_state(*fresh->model(), graph::get_state(*trained->model()));
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(fresh->set_state(trained->state()).ok());
    EXPECT_TRUE(
        fresh->model()->forward_tensor({test_input()})->equal(*trained->model()->forward_tensor({test_input()})));
  }
}

TEST(QuantizationAlgorithm, AResumedStagedRunTakesRangesAtItsSwitches) {
  const at::NoGradGuard no_grad;
  const char* keys = R"("params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2})";
  const auto first = make(make_calibration_net(), keys);
  TensorLoader data = loader();
  ASSERT_TRUE(first->initialize(data).ok());
  for (const bool has_loader : {true, false}) {
    const auto resumed = make(make_calibration_net(), keys);
    ASSERT_TRUE(graph::set_state(*resumed->model(), graph::get_state(*first->model())).ok());
    ASSERT_TRUE(resumed->set_state(first->state()).ok());
    const float before = scale_of(*resumed, "relu/aten::relu");
    resumed->model()->graph().find_parameter("bn1.weight")->tensor().mul_(3);
    if (has_loader) resumed->set_data_loader(&data);
    EXPECT_EQ(scale_of(*resumed, "relu/aten::relu"), before) << "nothing is configured now";
    const float greatest = greatest_of_relu(*resumed->model(), data);
    resumed->scheduler().epoch_step();
    EXPECT_FLOAT_EQ(scale_of(*resumed, "relu/aten::relu"), has_loader ? greatest : before);
  }
}

TEST(QuantizationAlgorithm, StageCountsWhatWorks) {
  const auto algorithm = make(make_calibration_net());
  EXPECT_EQ(algorithm->stage(), CompressionStage::kPartiallyCompressed) << "activations have no range yet";
  TensorLoader data = loader();
  ASSERT_TRUE(algorithm->initialize(data).ok());
  EXPECT_EQ(algorithm->stage(), CompressionStage::kFullyCompressed);
}

TEST(QuantizationAlgorithm, ExportThatCannotFoldFailsEachTime) {
  const auto algorithm = make(make_calibration_net());
  TensorLoader data = loader();
  ASSERT_TRUE(algorithm->initialize(data).ok());
  const at::Tensor variance = algorithm->model()->graph().find_parameter("bn1.running_var")->tensor();
  const at::Tensor sound = variance.clone();
  variance.fill_(-1);
  EXPECT_EQ(algorithm->prepare_for_export().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(algorithm->prepare_for_export().code(), absl::StatusCode::kInvalidArgument);
  variance.copy_(sound);
  EXPECT_TRUE(algorithm->prepare_for_export().ok());
  for (const graph::Node* node : algorithm->model()->graph().nodes()) EXPECT_NE(node->op(), "aten::batch_norm");
}

TEST(QuantizationAlgorithm, WithoutDataExportIsRefusedByName) {
  const auto algorithm = make(make_calibration_net());
  const absl::Status status = algorithm->prepare_for_export();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("quantizer x"), std::string::npos) << status;
}

TEST(QuantizationAlgorithm, BadInputIsRefused) {
  const auto create = [](std::shared_ptr<graph::Model> model, const std::string& keys) {
    return QuantizationAlgorithm::create(std::move(model), config(keys), {{1, 2, 4, 4}}).status();
  };
  EXPECT_EQ(create(make_calibration_net(), R"("bits": 4)").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(create(make_calibration_net(), R"("weights": {"target_scopes": ["conv9"]})").code(),
            absl::StatusCode::kInvalidArgument);
  const auto broken = make_calibration_net();
  broken->graph().find_parameter("conv2.weight")->tensor().data().fill_(std::numeric_limits<float>::quiet_NaN());
  const absl::Status status = create(broken, "");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("conv2.weight"), std::string::npos) << status;
  const auto algorithm = make(make_calibration_net());
  TensorLoader empty = loader(0);
  EXPECT_EQ(algorithm->initialize(empty).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(QuantizationAlgorithm, StatisticsSayWhatAdaptationDid) {
  const auto algorithm = make(make_calibration_net());
  TensorLoader data = loader();
  ASSERT_TRUE(algorithm->initialize(data).ok());
  const Statistics statistics = algorithm->statistics();
  ASSERT_NE(statistics.find("batch_norm_adaptation.outcome"), nullptr);
  EXPECT_EQ(std::get<int64_t>(*statistics.find("batch_norm_adaptation.batch_norms")), 1);
}

}  // namespace
}  // namespace pare::quantization
