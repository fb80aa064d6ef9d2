#include "compression/analysis/calibration_net.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <utility>

namespace pare {

graph::Node* add_node(graph::Graph& graph, const std::string& scope, const std::string& op,
                      const std::map<std::string, graph::Value*>& arguments) {
  const c10::FunctionSchema& schema = c10::Dispatcher::singleton().findSchemaOrThrow(op.c_str(), "").schema();
  std::vector<graph::Value*> inputs;
  for (const c10::Argument& argument : schema.arguments()) {
    const auto given = arguments.find(argument.name());
    inputs.push_back(given != arguments.end() ? given->second
                                              : graph.add_constant(argument.default_value().value_or(c10::IValue())));
  }
  return graph.add_operator(op, "", std::move(inputs), {.scope = scope}).value();
}

at::Tensor scattered(const std::vector<int64_t>& shape, uint32_t seed) {
  at::Tensor result = at::empty(shape, c10::kFloat);
  float* data = result.data_ptr<float>();
  uint32_t state = seed * 2654435761u + 12345u;
  for (int64_t i = 0; i < result.numel(); ++i) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator
    data[i] = static_cast<float>(state >> 8) / static_cast<float>(1 << 23) - 1.0f;
  }
  return result;
}

std::shared_ptr<graph::Model> make_calibration_net() {
  auto owned = std::make_unique<graph::Graph>();
  graph::Graph& graph = *owned;
  const auto parameter = [&](const std::string& name, at::Tensor tensor) {
    tensor.set_requires_grad(true);
    return graph.add_parameter(name, std::move(tensor)).value();
  };
  graph::Value* x = graph.add_input("x");
  graph::Value* conv1 = add_node(graph, "conv1", "aten::conv2d",
                                 {{"input", x},
                                  {"weight", parameter("conv1.weight", scattered({4, 2, 3, 3}, 1))},
                                  {"padding", graph.add_constant(std::vector<int64_t>{1, 1})}})
                            ->output();
  graph::Value* bn1 =
      add_node(graph, "bn1", "aten::batch_norm",
               {{"input", conv1},
                {"weight", parameter("bn1.weight", at::tensor({0.5f, -1.5f, 0.0f, 2.0f}))},
                {"bias", parameter("bn1.bias", at::tensor({0.1f, 0.2f, 0.3f, -0.4f}))},
                {"running_mean", graph.add_buffer("bn1.running_mean", at::tensor({0.1f, -0.2f, 0.3f, 0.0f})).value()},
                {"running_var", graph.add_buffer("bn1.running_var", at::tensor({1.0f, 2.0f, 0.5f, 1.5f})).value()},
                {"training", graph.training()},
                {"momentum", graph.add_constant(0.1)},
                {"eps", graph.add_constant(1e-5)},
                {"cudnn_enabled", graph.add_constant(false)}})
          ->output();
  graph::Value* relu = add_node(graph, "relu", "aten::relu", {{"self", bn1}})->output();
  graph::Value* conv2 = add_node(graph, "conv2", "aten::conv2d",
                                 {{"input", relu},
                                  {"weight", parameter("conv2.weight", scattered({3, 4, 1, 1}, 2))},
                                  {"bias", parameter("conv2.bias", scattered({3}, 3))}})
                            ->output();
  graph.set_output(conv2);
  return std::make_shared<graph::Model>(std::move(owned));
}

absl::Status TensorLoader::start_epoch(int64_t) {
  position_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<data::Batch>> TensorLoader::next() {
  if (!position_.has_value() || *position_ >= num_samples()) return std::nullopt;
  data::Batch batch;
  const int64_t size = std::min(batch_size_, num_samples() - *position_);
  batch.inputs = {inputs_.narrow(0, *position_, size)};
  *position_ += size;
  return batch;
}

}  // namespace pare
