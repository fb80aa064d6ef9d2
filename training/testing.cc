#include "training/testing.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

namespace pare::training::testing {
namespace {

template <typename T>
T value_of(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    std::abort();
  }
  return *std::move(result);
}

// Numbers in [-1, 1] without a pattern that a layer could exploit.
at::Tensor spread(int64_t count, double frequency) {
  return at::sin(at::arange(1, count + 1, at::TensorOptions(c10::kFloat)) * frequency);
}

}  // namespace

std::shared_ptr<graph::Model> make_tiny_model() {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value* x = graph->add_input("x");
  const auto parameter = [&](const char* name, at::Tensor tensor) {
    return value_of(graph->add_parameter(name, tensor.set_requires_grad(true)));
  };
  graph::Value* norm_weight = parameter("norm.weight", at::ones({4}));
  graph::Value* norm_bias = parameter("norm.bias", at::zeros({4}));
  graph::Value* mean = value_of(graph->add_buffer("norm.running_mean", at::zeros({4})));
  graph::Value* variance = value_of(graph->add_buffer("norm.running_var", at::ones({4})));
  graph::Value* weight = parameter("head.weight", (spread(12, 1.7) * 0.3).view({3, 4}).clone());
  graph::Value* bias = parameter("head.bias", at::zeros({3}));
  graph::Node* norm =
      value_of(graph->add_operator("aten::batch_norm", "",
                                   {x, norm_weight, norm_bias, mean, variance, graph->training(),
                                    graph->add_constant(0.1), graph->add_constant(1e-5), graph->add_constant(false)},
                                   {.scope = "norm"}));
  graph::Node* dropout = value_of(graph->add_operator(
      "aten::dropout", "", {norm->output(), graph->add_constant(0.25), graph->training()}, {.scope = "drop"}));
  graph::Node* head =
      value_of(graph->add_operator("aten::linear", "", {dropout->output(), weight, bias}, {.scope = "head"}));
  graph->set_output(head->output());
  return std::make_shared<graph::Model>(std::move(graph));
}

absl::Status TensorLoader::start_epoch(int64_t epoch) {
  first_ = batches_.empty() ? 0 : static_cast<size_t>(epoch) % batches_.size();
  taken_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<data::Batch>> TensorLoader::next() {
  if (!taken_ || *taken_ >= batches_.size()) return std::optional<data::Batch>();
  return std::optional<data::Batch>(batches_[(first_ + (*taken_)++) % batches_.size()]);
}

int64_t TensorLoader::num_samples() const {
  int64_t total = 0;
  for (const data::Batch& batch : batches_) total += batch.size();
  return total;
}

TensorLoader make_tiny_data(int64_t num_batches, int64_t batch_size) {
  std::vector<data::Batch> batches;
  const at::Tensor x = spread(num_batches * batch_size * 4, 12.9898).view({num_batches, batch_size, 4});
  for (int64_t i = 0; i < num_batches; ++i) {
    batches.push_back({.inputs = {x[i].clone()}, .targets = x[i].narrow(1, 0, 3).argmax(1)});
  }
  return TensorLoader(std::move(batches));
}

}  // namespace pare::training::testing
