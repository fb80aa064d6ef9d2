#include "compression/pruning/pruning_units.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compression/analysis/operator_traits.h"

namespace pare::pruning {
namespace {

using graph::Node;
using graph::Value;

bool has_stride(const Node& node) {
  const Value* stride = node.argument("stride");
  if (stride == nullptr || !stride->is_constant() || is_transposed_convolution(node)) return false;
  const c10::IValue& constant = stride->constant();
  if (constant.isInt()) return constant.toInt() > 1;
  if (!constant.isIntList()) return false;
  const std::vector<int64_t> strides = constant.toIntVector();
  return std::any_of(strides.begin(), strides.end(), [](int64_t each) { return each > 1; });
}

// Convolutions that no other convolution's output goes into.
std::set<const Node*> first_convolutions(const graph::Graph& graph, const std::vector<WeightedLayer>& layers) {
  std::set<const Node*> convolutions, first;
  for (const WeightedLayer& layer : layers) {
    if (layer.kind == LayerKind::kConvolution) convolutions.insert(layer.operators.begin(), layer.operators.end());
  }
  std::set<const Value*> after;
  for (const Node* node : graph.nodes()) {
    bool is_after = std::any_of(node->inputs().begin(), node->inputs().end(),
                                [&](const Value* input) { return after.count(input) > 0; });
    if (convolutions.count(node) > 0) {
      if (!is_after) first.insert(node);
      is_after = true;
    }
    if (is_after) after.insert(node->outputs().begin(), node->outputs().end());
  }
  return first;
}

bool may_be_pruned(const WeightedLayer& layer, const LayerOptions& options, const std::set<const Node*>& first) {
  if (layer.kind == LayerKind::kLinear) return options.prune_linear;
  return std::none_of(layer.operators.begin(), layer.operators.end(), [&](const Node* node) {
    return (!options.prune_first_conv && first.count(node) > 0) ||
           (!options.prune_downsample_convs && has_stride(*node) && !is_depthwise(*node));
  });
}

}  // namespace

absl::StatusOr<PruningUnits> PruningUnits::find(graph::Graph& graph, const ChannelLabels& labels,
                                                const AlgorithmConfig& config, const LayerOptions& options) {
  const auto has_filters = [](const WeightedLayer& layer) { return layer.kind != LayerKind::kEmbedding; };
  std::vector<WeightedLayer> layers = find_weighted_layers(graph);
  PARE_ASSIGN_OR_RETURN(const std::vector<WeightedLayer> selected, select_layers(layers, graph, config, has_filters));
  std::set<const Value*> in_scope;
  for (const WeightedLayer& layer : selected) in_scope.insert(layer.weight);
  const std::set<const Node*> first = first_convolutions(graph, layers);

  PruningUnits units;
  std::vector<bool> allowed;
  for (WeightedLayer& layer : layers) {
    if (!has_filters(layer) || !layer.output_axis.has_value()) continue;
    allowed.push_back(in_scope.count(layer.weight) > 0 && may_be_pruned(layer, options, first));
    units.layers_.push_back({std::move(layer), {}});
  }
  units.find_units(labels, allowed);
  if (units.units_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.path, ": the method \"", config.name,
                     "\" finds no filter that it may remove: the channels of every layer "
                     "in the scopes flow into the outputs, into an operator that needs all of them, or into a layer "
                     "that is not to be "
                     "pruned (see prune_first_conv, prune_downsample_convs, prune_linear and the scopes)"));
  }
  units.find_clusters(labels);
  units.find_axes(labels);
  return units;
}

void PruningUnits::find_units(const ChannelLabels& labels, const std::vector<bool>& may_be_pruned) {
  std::map<Label, std::vector<PruningUnit::Filter>> classes;
  std::set<Label> forbidden;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const WeightedLayer& layer = layers_[i].layer;
    const TensorLabels* weight = labels.tensor(layer.weight);
    const Axis& filters = weight->axes[static_cast<size_t>(*layer.output_axis)];
    layers_[i].units.assign(static_cast<size_t>(layer.weight->tensor().size(*layer.output_axis)), kNoUnit);
    for (size_t index = 0; index < filters.labels.size(); ++index) {
      const Label root = labels.sets().find(filters.labels[index]);
      classes[root].push_back({i, static_cast<int64_t>(index)});
      if (!may_be_pruned[i] || labels.sets().is_fixed(root)) forbidden.insert(root);
    }
  }
  // In the order of the first layer's filters, not of the labels.
  std::vector<std::pair<Label, std::vector<PruningUnit::Filter>>> order(classes.begin(), classes.end());
  std::sort(order.begin(), order.end(), [](const auto& one, const auto& other) {
    return std::pair(one.second[0].layer, one.second[0].index) <
           std::pair(other.second[0].layer, other.second[0].index);
  });
  for (auto& [root, filters] : order) {
    if (forbidden.count(root) > 0) continue;
    const auto unit = static_cast<int32_t>(units_.size());
    unit_of_class_[root] = unit;
    for (const PruningUnit::Filter& filter : filters) {
      layers_[filter.layer].units[static_cast<size_t>(filter.index)] = unit;
    }
    units_.push_back({std::move(filters), 0});
  }
}

void PruningUnits::find_clusters(const ChannelLabels& labels) {
  LabelSets connected;
  const Axis of_layer = connected.fresh_axis(static_cast<int64_t>(layers_.size()));
  for (const PruningUnit& unit : units_) {
    for (const PruningUnit::Filter& filter : unit.filters) {
      connected.unite(of_layer.labels[unit.filters[0].layer], of_layer.labels[filter.layer]);
    }
  }
  std::map<Label, size_t> numbers;
  for (size_t i = 0; i < units_.size(); ++i) {
    const Label root = connected.find(of_layer.labels[units_[i].filters[0].layer]);
    const auto [entry, is_new] = numbers.emplace(root, clusters_.size());
    if (is_new) clusters_.emplace_back();
    units_[i].cluster = entry->second;
    PruningCluster& cluster = clusters_[entry->second];
    cluster.units.push_back(i);
    std::set<size_t> layers;
    for (const PruningUnit::Filter& filter : units_[i].filters) {
      if (!layers.insert(filter.layer).second) cluster.has_wide_units = true;
    }
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    const auto number = numbers.find(connected.find(of_layer.labels[i]));
    if (number != numbers.end()) clusters_[number->second].layers.push_back(i);
  }
  for (PruningCluster& cluster : clusters_) {
    std::set<Label> channels;
    for (const size_t i : cluster.layers) {
      const WeightedLayer& layer = layers_[i].layer;
      for (const Label label : labels.tensor(layer.weight)->axes[static_cast<size_t>(*layer.output_axis)].labels) {
        channels.insert(labels.sets().find(label));
      }
    }
    cluster.num_channels = static_cast<int64_t>(channels.size());
  }
}

void PruningUnits::find_axes(const ChannelLabels& labels) {
  std::set<std::vector<size_t>> distinct;
  for (const Axis* axis : labels.axes()) {
    std::set<size_t> units;
    bool is_whole = true;
    for (const int32_t unit : units_of(*axis, labels.sets())) {
      if (unit == kNoUnit) is_whole = false;
      if (unit != kNoUnit) units.insert(static_cast<size_t>(unit));
    }
    if (is_whole && !units.empty()) distinct.emplace(units.begin(), units.end());
  }
  axes_.assign(distinct.begin(), distinct.end());
}

std::vector<int32_t> PruningUnits::units_of(const Axis& axis, const LabelSets& sets) const {
  std::vector<int32_t> units;
  bool any = false;
  for (const Label label : axis.labels) {
    const auto found = unit_of_class_.find(sets.find(label));
    units.push_back(found == unit_of_class_.end() ? kNoUnit : found->second);
    any = any || units.back() != kNoUnit;
  }
  if (!any) units.clear();
  return units;
}

}  // namespace pare::pruning
