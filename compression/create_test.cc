#include "compression/create.h"

#include <ATen/ops/ones.h>

#include <limits>

#include "base/status_macros.h"
#include "compression/composite.h"
#include "compression/registry.h"
#include "compression/tiny_model.h"
#include "data/data_loader.h"
#include "gmock/gmock.h"
#include "graph/hooks.h"
#include "gtest/gtest.h"
#include "ops/kernel_choice.h"

namespace pare {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Scale : public graph::Transform {
 public:
  std::string_view type() const override { return "scale"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0].mul(inputs[1]); }
};

// Multiplies the model's input by a learned factor, which initialize() sets to 2.
class ScaledInput : public CompressionAlgorithm {
 public:
  using CompressionAlgorithm::CompressionAlgorithm;
  static absl::StatusOr<std::unique_ptr<ScaledInput>> create(std::shared_ptr<graph::Model> model,
                                                             const AlgorithmConfig& config,
                                                             const InputSize& input_size) {
    EXPECT_FALSE(model->is_training());
    graph::Graph& graph = model->graph();
    PARE_ASSIGN_OR_RETURN(graph::Value * factor,
                          graph.add_parameter(config.path, at::ones({1}).set_requires_grad(true)));
    PARE_RETURN_IF_ERROR(
        graph::insert_post_hook(graph, graph.inputs()[0], std::make_shared<Scale>(), {factor}).status());
    return std::make_unique<ScaledInput>(std::move(model), config, input_size);
  }
  absl::Status initialize(data::DataLoader&) override {
    EXPECT_FALSE(model()->is_training());
    // A new tensor, as quantizers do whose shape is known only now.
    own_parameters()[0]->set_tensor(at::ones({1}).mul(2).set_requires_grad(true));
    return absl::OkStatus();
  }
};
PARE_REGISTER_ALGORITHM("scaled_input", ScaledInput);

class NoData : public data::DataLoader {
 public:
  absl::Status start_epoch(int64_t) override { return absl::OkStatus(); }
  absl::StatusOr<std::optional<data::Batch>> next() override { return std::nullopt; }
  int64_t num_batches() const override { return 0; }
  int64_t num_samples() const override { return 0; }
  int64_t batch_size() const override { return 1; }
};

CompressionConfig config(const nlohmann::json& compression) {
  return CompressionConfig::parse({{"input_info", {{"sample_size", {1, 4}}}}, {"compression", compression}}).value();
}

CompressionConfig one() { return config({{"algorithm", "scaled_input"}}); }

TEST(CreateCompressedModel, OneMethodAsItIs) {
  const std::shared_ptr<graph::Model> model = make_tiny_model();
  model->train();
  const auto algorithm = create_compressed_model(model, one(), {});
  ASSERT_TRUE(algorithm.ok()) << algorithm.status();
  EXPECT_NE(dynamic_cast<ScaledInput*>(algorithm->get()), nullptr);
  EXPECT_EQ((*algorithm)->model(), model);
  EXPECT_EQ((*algorithm)->input_size(), InputSize({{1, 4}}));
  EXPECT_EQ((*algorithm)->own_parameters().size(), 1);
  EXPECT_TRUE(model->is_training()) << "the mode is the caller's again";
}

TEST(CreateCompressedModel, SeveralAsAComposite) {
  const auto algorithm = create_compressed_model(
      make_tiny_model(), config({{{"algorithm", "scaled_input"}}, {{"algorithm", "scaled_input"}}}), {});
  ASSERT_TRUE(algorithm.ok()) << algorithm.status();
  const auto* composite = dynamic_cast<CompositeAlgorithm*>(algorithm->get());
  ASSERT_NE(composite, nullptr);
  ASSERT_EQ(composite->children().size(), 2);
  EXPECT_EQ(composite->children()[1]->own_parameters()[0]->name(), "$.compression[1]");
}

TEST(CreateCompressedModel, InitializesFromDataAndScalesGradients) {
  CompressionConfig config = one();
  config.algorithms[0].compression_lr_multiplier = 10;
  NoData no_data;
  const auto algorithm = create_compressed_model(make_tiny_model(), config, {.data_loader = &no_data});
  ASSERT_TRUE(algorithm.ok()) << algorithm.status();
  const at::Tensor factor = (*algorithm)->own_parameters()[0]->tensor();
  EXPECT_EQ(factor.item<double>(), 2);
  const at::Tensor x = at::ones({1, 4});
  (*algorithm)->model()->forward_tensor({x})->sum().backward();
  // Column sums of fc2 over the outputs are 0.1 (-3, -1, 1); relu is open for rows 2 and 3 of fc1, whose weights sum to
  // 1.0 and 2.6: d(sum)/d(factor) = -0.1 * 1.0 + 0.1 * 2.6 = 0.16, times 10.
  EXPECT_NEAR(factor.grad().item<double>(), 1.6, 1e-5);
}

std::string error_of(std::shared_ptr<graph::Model> model, const CompressionConfig& config,
                     const CreateOptions& options = {}) {
  const size_t nodes = model == nullptr ? 0 : model->graph().num_nodes();
  const auto algorithm = create_compressed_model(model, config, options);
  EXPECT_FALSE(algorithm.ok());
  EXPECT_TRUE(model == nullptr || model->graph().num_nodes() == nodes) << "refused before anything is rewritten";
  return std::string(algorithm.status().message());
}

TEST(CreateCompressedModel, RefusesWhatCannotBeCompressed) {
  EXPECT_THAT(error_of(nullptr, one()), HasSubstr("null"));
  EXPECT_THAT(error_of(make_tiny_model(), CompressionConfig::parse(nlohmann::json::object()).value()),
              HasSubstr("no compression method"));

  const std::shared_ptr<graph::Model> diverged = make_tiny_model();
  diverged->graph().find_parameter("fc2.bias")->tensor().detach()[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of(diverged, one()), HasSubstr("a NaN or an infinity in fc2.bias"));

  EXPECT_THAT(error_of(make_tiny_model(), config({{{"algorithm", "scaled_input"}}, {{"algorithm", "scaled_inptu"}}})),
              HasSubstr("$.compression[1].algorithm: there is no compression method \"scaled_inptu\"; did you mean"));
}

TEST(CreateCompressedModel, ChoosesTheBackend) {
  CompressionConfig config = one();
  config.backend = "abacus";
  EXPECT_THAT(error_of(make_tiny_model(), config), StartsWith("$.backend: "));
  EXPECT_EQ(ops::kernel_backend(), "auto");
  config.backend = "cpu";
  ASSERT_TRUE(create_compressed_model(make_tiny_model(), config, {}).ok());
  EXPECT_EQ(ops::kernel_backend(), "cpu");
  ASSERT_TRUE(create_compressed_model(make_tiny_model(), one(), {}).ok());
  EXPECT_EQ(ops::kernel_backend(), "cpu") << "\"auto\" leaves what was chosen";
}

TEST(CreateCompressedModel, SaysWhichKeysHaveNoEffect) {
  const auto log_of = [](const nlohmann::json& more) {
    nlohmann::json json = {{"input_info", {{"sample_size", {1, 4}}}}, {"compression", {{"algorithm", "scaled_input"}}}};
    json.update(more);
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(create_compressed_model(make_tiny_model(), CompressionConfig::parse(json).value(), {}).ok());
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(log_of(nlohmann::json::object()), "");
  EXPECT_THAT(log_of({{"log_dir", "logs"}}), HasSubstr("$.log_dir is accepted and has no effect"));
  EXPECT_EQ(log_of({{"accuracy_aware_training", {{"mode", "early_exit"}}}}), "");
}

TEST(CreateCompressedModel, NeedsTheShapesOfTheInputs) {
  CompressionConfig none = one();
  none.input_info.clear();
  EXPECT_THAT(error_of(make_tiny_model(), none), HasSubstr("input_info"));
  EXPECT_TRUE(create_compressed_model(make_tiny_model(), none, {.input_size = {{8, 4}}}).ok());
  EXPECT_THAT(error_of(make_tiny_model(), one(), {.input_size = {{1, 4}, {1}}}),
              HasSubstr("expected the shapes of the model's 1 inputs, found 2"));
  EXPECT_THAT(error_of(make_tiny_model(), one(), {.input_size = {{1, -4}}}), HasSubstr("[1, -4] holds a size below 1"));
}

}  // namespace
}  // namespace pare
