#include "graph/profile.h"

#include <ATen/core/grad_mode.h>

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "base/status_macros.h"

namespace pare::graph {

namespace {

using Shapes = std::map<const Value*, std::vector<int64_t>>;

int64_t product(const std::vector<int64_t>& shape) {
  int64_t result = 1;
  for (const int64_t size : shape) result *= size;
  return result;
}

std::vector<int64_t> shape_of(const Value* value, const Shapes& shapes) {
  if (value == nullptr) return {};
  if (value->is_parameter() || value->is_buffer()) return value->tensor().sizes().vec();
  if (value->is_constant() && value->constant().isTensor()) return value->constant().toTensor().sizes().vec();
  const auto found = shapes.find(value);
  return found == shapes.end() ? std::vector<int64_t>{} : found->second;
}

int64_t flops_of(const Node& node, const std::vector<int64_t>& output, const Shapes& shapes) {
  const std::string& op = node.op();
  static const std::set<std::string>& convolutions = *new std::set<std::string>{
      "aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::_convolution", "aten::convolution"};
  static const std::set<std::string>& transposed_convolutions =
      *new std::set<std::string>{"aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d"};
  static const std::map<std::string, size_t>& products = *new std::map<std::string, size_t>{
      {"aten::linear", 0}, {"aten::matmul", 0}, {"aten::mm", 0},     {"aten::bmm", 0},
      {"aten::mv", 0},     {"aten::addmm", 1},  {"aten::baddbmm", 1}};
  if (convolutions.count(op) > 0 || transposed_convolutions.count(op) > 0) {
    const std::vector<int64_t> weight = shape_of(node.argument("weight"), shapes);
    if (weight.empty() || weight[0] == 0) return 0;
    const Value* flag = node.argument("transposed");
    const bool transposed =
        transposed_convolutions.count(op) > 0 || (flag != nullptr && flag->is_constant() && flag->constant().toBool());
    // Every output element (of a transposed one: every input element) meets this many weights.
    const int64_t elements = transposed ? product(shape_of(node.input(0), shapes)) : product(output);
    return 2 * elements * (product(weight) / weight[0]);
  }
  const auto found = products.find(op);
  if (found == products.end()) return 0;
  const std::vector<int64_t> left = shape_of(node.input(found->second), shapes);
  return left.empty() ? 0 : 2 * product(output) * left.back();
}

// The parameters behind a value: itself, or what a transform or a rearrangement (the `t()` of a weight) takes.
void collect_parameters(const Value* value, std::set<const Value*>& found) {
  if (value->is_parameter()) found.insert(value);
  const Node* producer = value->producer();
  if (producer == nullptr) return;
  const bool looks_through = producer->is_transform() || producer->op() == "aten::t" ||
                             producer->op() == "aten::transpose" || producer->op() == "aten::permute";
  if (looks_through && !producer->inputs().empty()) {
    const Value* source = producer->input(0);
    // Only a weight's own path: an activation's transform ends at the operator that made the activation.
    collect_parameters(source, found);
  }
}

}  // namespace

absl::StatusOr<ModelProfile> profile_model(Model& model, const std::vector<at::Tensor>& inputs) {
  ModelProfile profile;
  Shapes shapes;
  for (size_t i = 0; i < inputs.size() && i < model.graph().inputs().size(); ++i) {
    shapes[model.graph().inputs()[i]] = inputs[i].sizes().vec();
  }
  Model::Observer user = model.observer();
  model.set_observer([&](const Node& node, at::ArrayRef<c10::IValue> outputs) {
    NodeProfile entry;
    entry.node = &node;
    bool has_tensor = false;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].isTensor() || !outputs[i].toTensor().defined()) continue;
      shapes[node.output(i)] = outputs[i].toTensor().sizes().vec();
      if (!has_tensor) entry.output_shape = shapes[node.output(i)];
      has_tensor = true;
    }
    if (!has_tensor) return;
    entry.flops = flops_of(node, entry.output_shape, shapes);
    if (!node.is_transform()) {
      std::set<const Value*> parameters;
      for (const Value* input : node.inputs()) collect_parameters(input, parameters);
      for (const Value* parameter : parameters) entry.parameters += parameter->tensor().numel();
    }
    profile.flops += entry.flops;
    profile.nodes.push_back(std::move(entry));
  });
  const absl::Cleanup stop_observing = [&model, &user] { model.set_observer(std::move(user)); };
  const at::NoGradGuard no_grad;
  PARE_RETURN_IF_ERROR(model.forward(std::vector<c10::IValue>(inputs.begin(), inputs.end())).status());
  for (const at::Tensor& parameter : model.parameters()) profile.parameters += parameter.numel();
  return profile;
}

}  // namespace pare::graph
