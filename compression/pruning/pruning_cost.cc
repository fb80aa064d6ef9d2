#include "compression/pruning/pruning_cost.h"

#include <algorithm>

#include "base/status_macros.h"
#include "compression/analysis/zero_inputs.h"
#include "graph/profile.h"

namespace pare::pruning {
namespace {

// The axes whose sizes the operator's FLOPs are a product of, among others.
std::vector<const Axis*> counted_axes(const graph::Node& node, const ChannelLabels& labels) {
  std::vector<const Axis*> axes;
  const graph::Value* weight = node.argument("weight");
  if (node.op().find("conv") != std::string::npos && weight != nullptr) {
    if (const TensorLabels* found = labels.tensor(weight)) {
      for (const Axis& axis : found->axes) axes.push_back(&axis);
    }
    return axes;
  }
  if (const TensorLabels* out = labels.tensor(node.output())) {
    for (const Axis& axis : out->axes) axes.push_back(&axis);
  }
  const bool adds = node.op() == "aten::addmm" || node.op() == "aten::baddbmm";
  const TensorLabels* left = labels.tensor(node.input(adds ? 1 : 0));
  if (left != nullptr && left->rank() > 0) axes.push_back(&left->axes.back());
  return axes;
}

}  // namespace

double PruningCost::Term::of(const std::vector<double>& kept) const {
  double result = base;
  for (const size_t axis : axes) result *= kept[axis];
  return result;
}

size_t PruningCost::add_axis(std::vector<int32_t> units) {
  const auto [entry, is_new] = axis_numbers_.emplace(units, axes_.size());
  if (is_new) axes_.push_back(std::move(units));
  return entry->second;
}

PruningCost::Term PruningCost::term(double base, const std::vector<const Axis*>& axes, const ChannelLabels& labels,
                                    const PruningUnits& units) {
  Term result{base, {}};
  for (const Axis* axis : axes) {
    std::vector<int32_t> found = units.units_of(*axis, labels.sets());
    if (!found.empty()) result.axes.push_back(add_axis(std::move(found)));
  }
  return result;
}

absl::StatusOr<PruningCost> PruningCost::create(graph::Model& model, const ChannelLabels& labels,
                                                const PruningUnits& units,
                                                const std::vector<std::vector<int64_t>>& input_size) {
  PARE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> inputs, zero_inputs(model, input_size));
  const bool was_training = model.is_training();
  model.eval();
  const absl::StatusOr<graph::ModelProfile> profile = graph::profile_model(model, inputs);
  model.train(was_training);
  PARE_RETURN_IF_ERROR(profile.status());

  PruningCost cost;
  std::map<const graph::Node*, size_t> layer_of;
  for (size_t i = 0; i < units.layers().size(); ++i) {
    for (const graph::Node* node : units.layers()[i].layer.operators) layer_of[node] = i;
    cost.filters_.push_back(units.layers()[i].units);
  }
  cost.layer_flops_.resize(units.layers().size());
  for (const graph::NodeProfile& node : profile->nodes) {
    if (node.flops == 0) continue;
    cost.flops_.push_back(cost.term(static_cast<double>(node.flops), counted_axes(*node.node, labels), labels, units));
    const auto layer = layer_of.find(node.node);
    if (layer != layer_of.end()) cost.layer_flops_[layer->second].push_back(cost.flops_.back());
  }
  for (const graph::Value* parameter : model.graph().parameters()) {
    const bool is_a_transforms =
        !parameter->uses().empty() &&
        std::all_of(parameter->uses().begin(), parameter->uses().end(), [](const graph::Use& use) {
          return use.user != nullptr && use.user->is_transform() && use.index > 0;
        });
    if (is_a_transforms) continue;
    std::vector<const Axis*> axes;
    for (const Axis& axis : labels.tensor(parameter)->axes) axes.push_back(&axis);
    cost.parameters_.push_back(cost.term(static_cast<double>(parameter->tensor().numel()), axes, labels, units));
  }
  cost.full_ = cost.of(RemovedUnits(units.units().size(), false));
  return cost;
}

std::vector<double> PruningCost::shares_kept(const RemovedUnits& removed) const {
  std::vector<double> kept;
  for (const std::vector<int32_t>& axis : axes_) {
    const auto count = std::count_if(
        axis.begin(), axis.end(), [&](int32_t unit) { return unit == kNoUnit || !removed[static_cast<size_t>(unit)]; });
    kept.push_back(static_cast<double>(count) / static_cast<double>(axis.size()));
  }
  return kept;
}

ModelCost PruningCost::of(const RemovedUnits& removed) const {
  const std::vector<double> kept = shares_kept(removed);
  ModelCost cost;
  for (const Term& term : flops_) cost.flops += term.of(kept);
  for (const Term& term : parameters_) cost.parameters += term.of(kept);
  for (const std::vector<int32_t>& layer : filters_) {
    cost.filters += std::count_if(layer.begin(), layer.end(),
                                  [&](int32_t unit) { return unit == kNoUnit || !removed[static_cast<size_t>(unit)]; });
  }
  return cost;
}

double PruningCost::layer_flops(size_t layer, const RemovedUnits& removed) const {
  const std::vector<double> kept = shares_kept(removed);
  double flops = 0;
  for (const Term& term : layer_flops_[layer]) flops += term.of(kept);
  return flops;
}

}  // namespace pare::pruning
