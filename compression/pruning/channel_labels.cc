#include "compression/pruning/channel_labels.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "base/status_macros.h"
#include "compression/analysis/weighted_layers.h"
#include "compression/analysis/zero_inputs.h"

namespace pare::pruning {
namespace {

using graph::Node;
using graph::Value;

// Without labels. What is no tensor and no list or tuple of tensors has none.
ValueLabels shape_of(const c10::IValue& value) {
  ValueLabels result;
  if (value.isTensor() && value.toTensor().defined()) {
    result.tensors.emplace_back(value.toTensor().sizes().vec());
  } else if (value.isTensorList() || value.isTuple()) {
    result.is_list = true;
    const auto elements = value.isTuple() ? value.toTupleRef().elements().vec() : value.toListRef().vec();
    for (const c10::IValue& each : elements) {
      if (!each.isTensor() || !each.toTensor().defined()) return {};
      result.tensors.emplace_back(each.toTensor().sizes().vec());
    }
  }
  return result;
}

absl::StatusOr<LabelMap> run_for_shapes(graph::Model& model, const std::vector<std::vector<int64_t>>& input_size) {
  PARE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> inputs, zero_inputs(model, input_size));
  LabelMap values;
  const graph::Graph& graph = model.graph();
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = shape_of(inputs[i]);
  const bool was_training = model.is_training();
  graph::Model::Observer observer = model.observer();
  const absl::Cleanup restore = [&] {
    model.train(was_training);
    model.set_observer(std::move(observer));
  };
  model.eval();
  model.set_observer([&](const Node& node, at::ArrayRef<c10::IValue> outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) values[node.output(i)] = shape_of(outputs[i]);
  });
  const at::NoGradGuard no_grad;
  PARE_RETURN_IF_ERROR(model.forward(std::vector<c10::IValue>(inputs.begin(), inputs.end())).status());
  return values;
}

bool has_use(const Value& value, const std::function<bool(const graph::Use&)>& which) {
  return std::any_of(value.uses().begin(), value.uses().end(), which);
}

// Also behind transforms.
bool is_of_batch_norm(const Value& value) {
  return has_use(value, [](const graph::Use& use) {
    if (use.user == nullptr) return false;
    if (use.user->is_transform()) return use.index == 0 && is_of_batch_norm(*use.user->output());
    return use.user->op() == "aten::batch_norm" || use.user->op() == "aten::instance_norm";
  });
}

// A quantizer's scale, another method's mask: what only transforms take beside the tensor that flows through.
bool belongs_to_transforms(const Value& value) {
  return !has_use(
      value, [](const graph::Use& use) { return use.user == nullptr || !use.user->is_transform() || use.index == 0; });
}

// Rules that know what to do with the number of indices of an axis.
bool handles_counts(const Node& node) {
  const std::string& op = node.op();
  return op == "prim::ListConstruct" || op == "aten::view" || op == "aten::reshape" || op == "aten::_unsafe_view";
}

}  // namespace

absl::StatusOr<ChannelLabels> ChannelLabels::analyze(graph::Model& model,
                                                     const std::vector<std::vector<int64_t>>& input_size,
                                                     const LabelOptions& options) {
  ChannelLabels labels;
  PARE_ASSIGN_OR_RETURN(labels.values_, run_for_shapes(model, input_size));
  labels.label_stored(model.graph(), options);
  labels.apply_rules(model.graph());
  return labels;
}

void ChannelLabels::label_stored(graph::Graph& graph, const LabelOptions& options) {
  std::set<const Value*> weights;
  for (const WeightedLayer& layer : find_weighted_layers(graph)) weights.insert(layer.weight);
  std::set<const Value*> seen;
  const auto add = [&](Value* value, const at::Tensor& tensor) {
    if (!tensor.defined() || !seen.insert(value).second) return;
    const bool is_masked = tensor.is_floating_point() && (value->is_parameter() || weights.count(value) > 0) &&
                           !belongs_to_transforms(*value) && (options.masks_batch_norms || !is_of_batch_norm(*value));
    TensorLabels labels(tensor.sizes().vec());
    for (size_t axis = 0; axis < labels.rank(); ++axis) {
      // A single one is never removed.
      if (labels.shape[axis] > 1) labels.axes[axis] = sets_.fresh_axis(labels.shape[axis], is_masked);
    }
    values_[value].tensors = {std::move(labels)};
    stored_.push_back(value);
    if (is_masked) masked_.insert(value);
  };
  for (Value* value : graph.parameters()) add(value, value->tensor());
  for (Value* value : graph.buffers()) add(value, value->tensor());
  for (const Node* node : graph.nodes()) {
    for (Value* input : node->inputs()) {
      if (input->is_constant() && input->constant().isTensor()) add(input, input->constant().toTensor());
    }
  }
}

void ChannelLabels::apply_rules(const graph::Graph& graph) {
  for (const Node* node : graph.nodes()) {
    RuleContext context(*node, sets_, values_);
    find_label_rule (*node)(context);
    if (handles_counts(*node)) continue;
    for (const Value* input : node->inputs()) sets_.fix(values_[input].counted);
  }
  const auto output = values_.find(graph.output());
  if (output == values_.end()) return;
  for (const TensorLabels& tensor : output->second.tensors) {
    for (const Axis& axis : tensor.axes) sets_.fix(axis);
  }
}

const TensorLabels* ChannelLabels::tensor(const Value* value) const {
  const auto found = values_.find(value);
  return found != values_.end() && found->second.is_tensor() ? &found->second.tensors[0] : nullptr;
}

const std::vector<TensorLabels>* ChannelLabels::list(const Value* value) const {
  const auto found = values_.find(value);
  return found != values_.end() && found->second.is_list ? &found->second.tensors : nullptr;
}

std::vector<const Axis*> ChannelLabels::axes() const {
  std::vector<const Axis*> result;
  for (const auto& [value, labels] : values_) {
    for (const TensorLabels& tensor : labels.tensors) {
      for (const Axis& axis : tensor.axes) {
        if (axis.is_labelled()) result.push_back(&axis);
      }
    }
  }
  return result;
}

}  // namespace pare::pruning
