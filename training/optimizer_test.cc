#include "training/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/operator_new_testing.h"
#include "graph/hooks.h"
#include "training/testing.h"

namespace pare::training {
namespace {

class Scale : public graph::Transform {
 public:
  std::string_view type() const override { return "scale"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * inputs[1]; }
};

at::Tensor tensor(graph::Model& model, const char* name) { return model.graph().find_parameter(name)->tensor(); }

// Every gradient becomes `value`.
void set_gradients(graph::Model& model, double value) {
  for (at::Tensor parameter : model.parameters()) parameter.mutable_grad() = at::full(parameter.sizes(), value);
}

std::unique_ptr<Optimizer> make(graph::Model& model, const OptimizerOptions& options) {
  auto optimizer = Optimizer::create(model, options);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  return *std::move(optimizer);
}

TEST(Optimizer, SgdFollowsItsFormulaWithMomentum) {
  auto model = testing::make_tiny_model();
  auto optimizer = make(*model, {.weight_decay = 0.0, .momentum = 0.5});
  const at::Tensor before = tensor(*model, "head.bias").detach().clone();
  set_gradients(*model, 2.0);
  ASSERT_TRUE(optimizer->step(0.1).ok());
  ASSERT_TRUE(optimizer->step(0.1).ok());
  // v1 = 2, v2 = 0.5 * 2 + 2 = 3: 0.1 (2 + 3) in all.
  EXPECT_TRUE(at::allclose(tensor(*model, "head.bias"), before - 0.5));
}

TEST(Optimizer, TheFactorTurnsWeightDecayOff) {
  for (OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
    auto model = testing::make_tiny_model();
    auto optimizer = make(*model, {.kind = kind, .weight_decay = 0.5});
    set_gradients(*model, 0.0);
    const at::Tensor before = tensor(*model, "head.weight").detach().clone();
    ASSERT_TRUE(optimizer->step(0.1, 0.0).ok());
    EXPECT_TRUE(at::equal(tensor(*model, "head.weight"), before)) << to_string(kind);
    ASSERT_TRUE(optimizer->step(0.1).ok());
    EXPECT_FALSE(at::equal(tensor(*model, "head.weight"), before)) << to_string(kind);
  }
}

TEST(Optimizer, AdamsFirstStepIsTheLearningRate) {
  for (OptimizerKind kind : {OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
    auto model = testing::make_tiny_model();
    auto optimizer = make(*model, {.kind = kind, .weight_decay = 0.0});
    const at::Tensor before = tensor(*model, "head.weight").detach().clone();
    set_gradients(*model, 123.0);
    ASSERT_TRUE(optimizer->step(0.01).ok());
    EXPECT_TRUE(at::allclose(tensor(*model, "head.weight"), before - 0.01));
  }
}

TEST(Optimizer, OnlyWeightsDecay) {
  auto model = testing::make_tiny_model();
  graph::Graph& graph = model->graph();
  const auto scale = graph.add_parameter("head.scale", at::ones({3, 1}).set_requires_grad(true));
  ASSERT_TRUE(scale.ok());
  ASSERT_TRUE(
      graph::insert_weight_hook(graph, graph.find_parameter("head.weight"), std::make_shared<Scale>(), {*scale}).ok());
  EXPECT_TRUE(is_compression_parameter(**scale));
  EXPECT_FALSE(is_compression_parameter(*graph.find_parameter("head.weight")));
  EXPECT_FALSE(is_compression_parameter(*graph.find_parameter("norm.running_mean")));

  auto optimizer = make(*model, {.weight_decay = 0.5, .momentum = 0.0});
  const at::Tensor weight = tensor(*model, "head.weight").detach().clone();
  const at::Tensor norm = tensor(*model, "norm.weight").detach().clone();
  set_gradients(*model, 0.0);
  ASSERT_TRUE(optimizer->step(0.1).ok());
  EXPECT_TRUE(at::allclose(tensor(*model, "head.weight"), weight * 0.95));
  EXPECT_TRUE(at::equal(tensor(*model, "norm.weight"), norm));
  EXPECT_TRUE(at::equal((*scale)->tensor(), at::ones({3, 1})));

  auto all = make(*model, {.weight_decay = 0.5, .decay_norms_and_biases = true, .momentum = 0.0});
  ASSERT_TRUE(all->step(0.1).ok());
  EXPECT_TRUE(at::allclose(tensor(*model, "norm.weight"), norm * 0.95));
  EXPECT_TRUE(at::equal((*scale)->tensor(), at::ones({3, 1})));
}

TEST(Optimizer, MeasuresAndScalesGradients) {
  auto model = testing::make_tiny_model();
  auto optimizer = make(*model, {});
  EXPECT_EQ(optimizer->gradient_norm().item<double>(), 0.0) << "no gradient yet";
  set_gradients(*model, 2.0);
  const double count = 4 + 4 + 12 + 3;
  EXPECT_NEAR(optimizer->gradient_norm().item<double>(), 2.0 * std::sqrt(count), 1e-5);
  optimizer->scale_gradients(0.25);
  EXPECT_NEAR(optimizer->gradient_norm().item<double>(), 0.5 * std::sqrt(count), 1e-5);
  tensor(*model, "head.bias").mutable_grad()[0] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(optimizer->gradient_norm().item<double>()));
  optimizer->zero_grad();
  EXPECT_FALSE(tensor(*model, "head.bias").grad().defined());
}

class OptimizerState : public ::testing::TestWithParam<OptimizerKind> {};

TEST_P(OptimizerState, GoesOnBitForBit) {
  auto model = testing::make_tiny_model();
  auto other = testing::make_tiny_model();
  const OptimizerOptions options{.kind = GetParam()};
  auto optimizer = make(*model, options);
  set_gradients(*model, 0.3);
  ASSERT_TRUE(optimizer->step(0.1).ok());
  const auto state = optimizer->save_state();
  ASSERT_TRUE(state.ok()) << state.status();
  for (const auto& [name, source] : model->named_parameters()) {
    tensor(*other, name.c_str()).detach().copy_(source.detach());
  }
  auto loaded = make(*other, options);
  ASSERT_TRUE(loaded->load_state(*state).ok());
  for (graph::Model* each : {model.get(), other.get()}) set_gradients(*each, -0.7);
  ASSERT_TRUE(optimizer->step(0.05).ok());
  ASSERT_TRUE(loaded->step(0.05).ok());
  for (const auto& [name, source] : model->named_parameters()) {
    EXPECT_TRUE(at::equal(tensor(*other, name.c_str()), source)) << name;
  }
}

// Tensors of the device "meta" hold no numbers, but a mix of devices shows with them as it does on a GPU.
TEST_P(OptimizerState, ComesToTheDeviceOfTheParameters) {
  auto model = testing::make_tiny_model();
  const OptimizerOptions options{.kind = GetParam(), .momentum = 0.9};
  auto optimizer = make(*model, options);
  set_gradients(*model, 0.3);
  ASSERT_TRUE(optimizer->step(0.1).ok());
  const std::string state = optimizer->save_state().value();
  for (graph::Value* parameter : model->graph().parameters()) {
    parameter->set_tensor(parameter->tensor().detach().to(at::kMeta).set_requires_grad(true));
  }
  auto elsewhere = make(*model, options);
  const absl::Status loaded = elsewhere->load_state(state);
  ASSERT_TRUE(loaded.ok()) << loaded;
  for (at::Tensor parameter : model->parameters()) parameter.mutable_grad() = at::empty_like(parameter.detach());
  const absl::Status stepped = elsewhere->step(0.1);
  EXPECT_TRUE(stepped.ok()) << stepped;
  EXPECT_EQ(elsewhere->gradient_norm().device(), c10::Device(at::kMeta));
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerState,
                         ::testing::Values(OptimizerKind::kSgd, OptimizerKind::kAdam, OptimizerKind::kAdamW),
                         [](const auto& info) { return to_string(info.param); });

TEST(Optimizer, RefusesTheStateOfAnother) {
  auto model = testing::make_tiny_model();
  auto sgd = make(*model, {});
  auto adam = make(*model, {.kind = OptimizerKind::kAdam});
  EXPECT_EQ(sgd->load_state(adam->save_state().value()).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(sgd->load_state("").code(), absl::StatusCode::kInvalidArgument);
  std::string truncated = sgd->save_state().value();
  truncated.resize(truncated.size() / 2);
  EXPECT_FALSE(sgd->load_state(truncated).ok());
}

TEST(Optimizer, AStateThatIsTooLargeForTheMemoryIsAnError) {
  auto model = testing::make_tiny_model();
  auto optimizer = make(*model, {});
  set_gradients(*model, 0.3);
  ASSERT_TRUE(optimizer->step(0.1).ok());
  const std::string state = optimizer->save_state().value();
  absl::Status status;
  {
    const RefuseMemory refuse(state.size() / 2);
    status = optimizer->load_state(state);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(optimizer->load_state(state).ok());
}

TEST(Optimizer, NoticesThatAParameterWasReplaced) {
  auto model = testing::make_tiny_model();
  auto optimizer = make(*model, {});
  EXPECT_TRUE(optimizer->is_current(*model));
  model->graph().find_parameter("head.bias")->set_tensor(at::ones({3}));
  EXPECT_FALSE(optimizer->is_current(*model));
}

TEST(Optimizer, RefusesOptionsOutOfRange) {
  auto model = testing::make_tiny_model();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const OptimizerOptions bad[] = {
      {.weight_decay = -1.0}, {.weight_decay = nan}, {.momentum = 1.0}, {.momentum = nan},
      {.beta1 = 1.0},         {.beta2 = -0.1},       {.epsilon = 0.0},  {.momentum = 0.0, .nesterov = true}};
  for (const OptimizerOptions& options : bad) {
    EXPECT_EQ(Optimizer::create(*model, options).status().code(), absl::StatusCode::kInvalidArgument);
  }
  for (at::Tensor parameter : model->parameters()) parameter.set_requires_grad(false);
  EXPECT_EQ(Optimizer::create(*model, {}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Optimizer, NamesAreReadBack) {
  for (const char* name : {"sgd", "adam", "adamw"}) EXPECT_EQ(to_string(parse_optimizer_kind(name).value()), name);
  EXPECT_EQ(parse_optimizer_kind("rmsprop").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::training
