#include "compression/pruning/channel_removal.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/pruning/argument_rewrites.h"

namespace pare::pruning {
namespace {

using graph::Node;
using graph::Value;

absl::StatusOr<std::set<Label>> classes_of(const ChannelLabels& labels, const std::vector<ChannelIndex>& channels) {
  std::set<Label> classes;
  for (const ChannelIndex& channel : channels) {
    const TensorLabels* tensor = labels.tensor(channel.tensor);
    const auto axis = static_cast<size_t>(channel.axis);
    const bool exists = tensor != nullptr && channel.axis >= 0 && axis < tensor->rank() && channel.index >= 0 &&
                        channel.index < tensor->shape[axis];
    const std::string what = absl::StrCat("index ", channel.index, " of axis ", channel.axis, " of ",
                                          channel.tensor == nullptr ? "nothing" : channel.tensor->name());
    if (!exists) return absl::InvalidArgumentError(absl::StrCat("there is no ", what, " that could be removed"));
    const std::vector<Label>& of_axis = tensor->axes[axis].labels;
    if (of_axis.empty() || labels.sets().is_fixed(of_axis[static_cast<size_t>(channel.index)])) {
      return absl::InvalidArgumentError(absl::StrCat(
          what,
          " cannot be removed: it flows into an output of the model, or into an operator that needs every channel"));
    }
    classes.insert(labels.sets().find(of_axis[static_cast<size_t>(channel.index)]));
  }
  return classes;
}

absl::Status check_something_stays(const ChannelLabels& labels, const Cut& cut) {
  for (const Value* value : labels.stored()) {
    const TensorLabels& tensor = *labels.tensor(value);
    for (size_t axis = 0; axis < tensor.rank(); ++axis) {
      if (!tensor.axes[axis].is_labelled() || cut.kept(tensor.axes[axis]) > 0) continue;
      return absl::InvalidArgumentError(absl::StrCat("nothing would be left of axis ", axis, " of ", value->name(),
                                                     ": one of its channels, at least, must stay"));
    }
  }
  for (const Axis* axis : labels.axes()) {
    if (cut.kept(*axis) > 0) continue;
    return absl::InvalidArgumentError(
        "all channels that one operator takes, or that one part of a split has, would be removed: one must stay");
  }
  return absl::OkStatus();
}

at::Tensor cut_tensor(const at::Tensor& tensor, const TensorLabels& labels, const Cut& cut) {
  at::Tensor result = tensor.detach();
  for (size_t axis = 0; axis < labels.rank(); ++axis) {
    if (!cut.touches(labels.axes[axis])) continue;
    std::vector<int64_t> kept;
    for (size_t i = 0; i < labels.axes[axis].labels.size(); ++i) {
      if (!cut.removes(labels.axes[axis].labels[i])) kept.push_back(static_cast<int64_t>(i));
    }
    result = at::index_select(result, static_cast<int64_t>(axis), at::tensor(kept, at::kLong).to(result.device()));
  }
  return result;
}

absl::Status cut_stored(graph::Graph& graph, const ChannelLabels& labels, const Cut& cut) {
  for (Value* value : labels.stored()) {
    const TensorLabels& tensor = *labels.tensor(value);
    if (!cut.touches(tensor)) continue;
    PARE_RETURN_IF_ERROR(guard_torch(value->name(), [&] {
      const at::NoGradGuard no_grad;
      if (value->is_constant()) {
        graph.set_constant(value, cut_tensor(value->constant().toTensor(), tensor, cut));
        return;
      }
      at::Tensor smaller = cut_tensor(value->tensor(), tensor, cut);
      smaller.set_requires_grad(value->tensor().requires_grad());
      value->set_tensor(std::move(smaller));
    }));
  }
  return absl::OkStatus();
}

// By the nodes' names, which stay.
std::map<std::string, std::vector<int64_t>> expected_shapes(const graph::Graph& graph, const ChannelLabels& labels,
                                                            const Cut& cut) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const Node* node : graph.nodes()) {
    const TensorLabels* tensor = node->outputs().empty() ? nullptr : labels.tensor(node->output());
    if (tensor == nullptr) continue;
    std::vector<int64_t>& shape = shapes[node->name()] = tensor->shape;
    for (size_t axis = 0; axis < tensor->rank(); ++axis) {
      if (tensor->axes[axis].is_labelled()) shape[axis] = cut.kept(tensor->axes[axis]);
    }
  }
  return shapes;
}

absl::Status check_shapes(const graph::Graph& graph, const ChannelLabels& now,
                          const std::map<std::string, std::vector<int64_t>>& expected) {
  for (const Node* node : graph.nodes()) {
    const TensorLabels* tensor = node->outputs().empty() ? nullptr : now.tensor(node->output());
    const auto found = expected.find(node->name());
    if (tensor == nullptr || found == expected.end() || tensor->shape == found->second) continue;
    return absl::InternalError(absl::StrCat("after channels were removed, ", node->name(), " gives the shape [",
                                            absl::StrJoin(tensor->shape, ", "), "], expected [",
                                            absl::StrJoin(found->second, ", "), "]"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status remove_channels(graph::Model& model, const std::vector<std::vector<int64_t>>& input_size,
                             const std::vector<ChannelIndex>& channels, const LabelOptions& options) {
  if (channels.empty()) return absl::OkStatus();
  graph::Graph& graph = model.graph();
  PARE_ASSIGN_OR_RETURN(const ChannelLabels labels, ChannelLabels::analyze(model, input_size, options));
  PARE_ASSIGN_OR_RETURN(std::set<Label> classes, classes_of(labels, channels));
  const Cut cut(labels.sets(), std::move(classes));
  PARE_RETURN_IF_ERROR(check_something_stays(labels, cut));
  const auto expected = expected_shapes(graph, labels, cut);
  for (Node* node : graph.nodes()) PARE_RETURN_IF_ERROR(rewrite_arguments(graph, node, labels, cut));
  PARE_RETURN_IF_ERROR(cut_stored(graph, labels, cut));
  graph.remove_dead_nodes();
  const absl::StatusOr<ChannelLabels> now = ChannelLabels::analyze(model, input_size, options);
  if (!now.ok()) {
    return absl::InternalError(
        absl::StrCat("the model does not run after channels were removed: ", now.status().message()));
  }
  return check_shapes(graph, *now, expected);
}

}  // namespace pare::pruning
