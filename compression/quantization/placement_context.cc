#include "compression/quantization/placement_context.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::quantization {

namespace {

using graph::Node;
using graph::Value;

absl::Status check_choice(const char* key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
  std::string expected;
  for (const std::string& choice : choices) absl::StrAppend(&expected, expected.empty() ? "" : ", ", choice);
  return absl::InvalidArgumentError(absl::StrCat(key, ": expected one of ", expected, ", not \"", value, "\""));
}

QuantizerConstraints constraints_of(const Node& node, const QuantizerConstraints& base,
                                    const std::vector<std::pair<ScopeSet, QuantizerConstraints>>& overrides) {
  QuantizerConstraints constraints = base;
  for (const auto& [scopes, changes] : overrides) {
    if (scopes.matches(node)) constraints = overridden(constraints, changes);
  }
  return constraints;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PlacementContext>> PlacementContext::create(const graph::Graph& graph,
                                                                           const PlacementOptions& options) {
  DeviceRules rules;
  PARE_ASSIGN_OR_RETURN(rules.device, parse_target_device(options.target_device));
  PARE_RETURN_IF_ERROR(check_choice("preset", options.preset, {"performance", "mixed"}));
  PARE_RETURN_IF_ERROR(check_choice("overflow_fix", options.overflow_fix, {"enable", "disable", "first_layer_only"}));
  rules.prefers_asymmetric_activations = options.preset == "mixed";
  std::unique_ptr<PlacementContext> context(new PlacementContext(graph, options, rules));
  context->find_first_layers();
  return context;
}

PlacementContext::PlacementContext(const graph::Graph& graph, const PlacementOptions& options, const DeviceRules& rules)
    : graph_(graph), options_(options), rules_(rules), flow_(graph, rules.device), fused_(graph, flow_) {}

bool PlacementContext::quantizes_weights(const Node* node) const {
  return is_in_scope(*node, options_.target, options_.ignored) &&
         is_in_scope(*node, options_.target_weights, options_.ignored_weights);
}

bool PlacementContext::quantizes_activations(const Node* node) const {
  return is_in_scope(*node, options_.target, options_.ignored) &&
         is_in_scope(*node, options_.target_activations, options_.ignored_activations);
}

bool PlacementContext::quantizes_input(size_t index) const {
  const std::string& name = graph_.inputs()[index]->name();
  return options_.quantize_inputs && !options_.ignored.matches_input(name, index) &&
         !options_.ignored_activations.matches_input(name, index);
}

absl::StatusOr<std::vector<QuantizerConfig>> PlacementContext::weight_configs(const Node* node) const {
  PARE_ASSIGN_OR_RETURN(std::vector<QuantizerConfig> configs,
                        allowed_weight_configs(*node, rules_, constraints(node, /*weights=*/true)));
  if (wants_half_range(node)) {
    for (QuantizerConfig& config : configs) config.half_range = config.bits == kMaxBits;
  }
  return configs;
}

absl::StatusOr<std::vector<QuantizerConfig>> PlacementContext::activation_configs(const Node* node) const {
  return allowed_activation_configs(*node, rules_, constraints(node, /*weights=*/false));
}

QuantizerConstraints PlacementContext::constraints(const Node* node, bool weights) const {
  return weights ? constraints_of(*node, options_.weights, options_.weight_overrides)
                 : constraints_of(*node, options_.activations, options_.activation_overrides);
}

std::optional<PlacementContext::Weight> PlacementContext::weight(Node* node) const {
  const OperatorTraits& traits = flow_.traits(node);
  if (traits.kind == OperatorKind::kMatmul) {
    // Output channels are the columns of a right operand and the rows of a left one.
    for (const size_t side : {1, 0}) {
      if (auto source = find_weight_source(node, traits.data[side], side == 1 ? -1 : -2, flow_); source.has_value()) {
        return Weight{traits.data[side], *source};
      }
    }
    return std::nullopt;
  }
  if (traits.weight < 0 || static_cast<size_t>(traits.weight) >= node->inputs().size()) return std::nullopt;
  const auto input = static_cast<size_t>(traits.weight);
  const auto source = find_weight_source(node, input, is_transposed_convolution(*node) ? 1 : 0, flow_);
  if (!source.has_value()) return std::nullopt;
  return Weight{input, *source};
}

void PlacementContext::find_first_layers() {
  std::unordered_set<const Value*> near_input(graph_.inputs().begin(), graph_.inputs().end());
  for (const Node* node : graph_.nodes()) {
    const bool reads_input = std::any_of(node->inputs().begin(), node->inputs().end(),
                                         [&](const Value* input) { return near_input.count(input) > 0; });
    if (!reads_input) continue;
    if (flow_.traits(node).is_weighted()) {
      first_layers_.insert(node);
    } else {
      near_input.insert(node->outputs().begin(), node->outputs().end());
    }
  }
}

bool PlacementContext::wants_half_range(const Node* node) const {
  const bool can_overflow = rules_.device == TargetDevice::kAny || rules_.device == TargetDevice::kCpu;
  if (!can_overflow || options_.overflow_fix == "disable") return false;
  return options_.overflow_fix == "enable" || first_layers_.count(node) > 0;
}

}  // namespace pare::quantization
