#include "compression/analysis/weighted_layers.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "compression/analysis/data_flow.h"
#include "compression/analysis/operator_traits.h"
#include "compression/analysis/weight_source.h"
#include "compression/scopes.h"

namespace pare {
namespace {

using graph::Node;

// Where an operator takes its weight, and which axes of that input count what.
struct WeightInput {
  LayerKind kind;
  size_t input;
  int64_t output_axis, input_axis;
};

std::vector<WeightInput> weight_inputs(const Node* node, const OperatorTraits& traits) {
  const auto weight = static_cast<size_t>(traits.weight);
  switch (traits.kind) {
    case OperatorKind::kConvolution:
      return is_transposed_convolution(*node) ? std::vector<WeightInput>{{LayerKind::kConvolution, weight, 1, 0}}
                                              : std::vector<WeightInput>{{LayerKind::kConvolution, weight, 0, 1}};
    case OperatorKind::kLinear:
      return {{LayerKind::kLinear, weight, 0, 1}};
    case OperatorKind::kEmbedding:
      return {{LayerKind::kEmbedding, weight, 0, 1}};
    case OperatorKind::kMatmul:
      return {{LayerKind::kLinear, traits.data[1], -1, -2}, {LayerKind::kLinear, traits.data[0], -2, -1}};
    default:
      return {};
  }
}

std::optional<int64_t> common(std::optional<int64_t> one, std::optional<int64_t> other) {
  return one == other ? one : std::nullopt;
}

}  // namespace

std::string to_string(LayerKind kind) {
  switch (kind) {
    case LayerKind::kConvolution:
      return "convolution";
    case LayerKind::kLinear:
      return "linear";
    case LayerKind::kEmbedding:
      return "embedding";
  }
  return absl::StrCat("LayerKind(", static_cast<int>(kind), ")");
}

std::vector<WeightedLayer> find_weighted_layers(graph::Graph& graph) {
  const DataFlow flow(graph, TargetDevice::kAny);
  std::vector<WeightedLayer> layers;
  std::map<const graph::Value*, size_t> known;
  for (Node* node : graph.nodes()) {
    for (const WeightInput& place : weight_inputs(node, flow.traits(node))) {
      if (place.input >= node->inputs().size()) continue;
      const auto source = find_weight_source(node, place.input, place.output_axis, flow);
      if (!source.has_value()) continue;
      const auto input_axis = find_weight_source(node, place.input, place.input_axis, flow)->channel_axis;
      const auto [entry, is_new] = known.emplace(source->value, layers.size());
      if (is_new) {
        WeightedLayer& layer = layers.emplace_back();
        layer.name = std::string(absl::StripSuffix(source->value->name(), ".weight"));
        layer.kind = place.kind;
        layer.weight = source->value;
        layer.output_axis = source->channel_axis;
        layer.input_axis = input_axis;
      }
      WeightedLayer& layer = layers[entry->second];
      layer.operators.push_back(node);
      layer.operator_inputs.push_back({node, place.input});
      layer.output_axis = common(layer.output_axis, source->channel_axis);
      layer.input_axis = common(layer.input_axis, input_axis);
    }
  }
  return layers;
}

absl::StatusOr<std::vector<WeightedLayer>> select_layers(std::vector<WeightedLayer> layers, const graph::Graph& graph,
                                                         const AlgorithmConfig& config,
                                                         const std::function<bool(const WeightedLayer&)>& handles) {
  const std::string target_path =
      config.has_root_target_scopes ? "$.target_scopes" : absl::StrCat(config.path, ".target_scopes");
  const std::string ignored_path = config.num_root_ignored_scopes == config.ignored_scopes.size()
                                       ? "$.ignored_scopes"
                                       : absl::StrCat(config.path, ".ignored_scopes");
  PARE_ASSIGN_OR_RETURN(const ScopeSet target, ScopeSet::create(config.target_scopes, target_path));
  PARE_ASSIGN_OR_RETURN(const ScopeSet ignored, ScopeSet::create(config.ignored_scopes, ignored_path));
  if (config.validate_scopes) {
    PARE_RETURN_IF_ERROR(target.check_all_match(graph));
    PARE_RETURN_IF_ERROR(ignored.check_all_match(graph));
  }
  std::vector<WeightedLayer> selected;
  for (WeightedLayer& layer : layers) {
    if (handles && !handles(layer)) continue;
    const Node *inside = nullptr, *outside = nullptr;
    for (const Node* node : layer.operators) (is_in_scope(*node, target, ignored) ? inside : outside) = node;
    if (inside != nullptr && outside != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          config.path, ": ", inside->name(), ", which is to be compressed, and ", outside->name(),
          ", which is not, share the weight ", layer.weight->name(), "; put both into the scopes or neither"));
    }
    if (inside != nullptr) selected.push_back(std::move(layer));
  }
  if (selected.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(config.path, ": the method \"", config.name,
                                                   "\" finds no layer to work on; it needs a layer with weights of a "
                                                   "kind that it handles, inside of target_scopes "
                                                   "and outside of ignored_scopes"));
  }
  return selected;
}

}  // namespace pare
