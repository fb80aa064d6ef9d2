#include "compression/quantization/weight_placement.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::quantization {

namespace {

using graph::Node;
using graph::Value;

// A quantizer in the making.
struct Draft {
  QuantizationPoint point;
  std::vector<QuantizerConfig> configs;  // per-channel ones hold for point.channel_axis
};

std::vector<QuantizerConfig> per_tensor(std::vector<QuantizerConfig> configs) {
  configs.erase(
      std::remove_if(configs.begin(), configs.end(), [](const QuantizerConfig& config) { return config.per_channel; }),
      configs.end());
  return configs;
}

absl::StatusOr<Draft> draft_of(const PlacementContext& context, Node* node, const WeightSource& source) {
  Draft draft;
  PARE_ASSIGN_OR_RETURN(draft.configs, context.weight_configs(node));
  if (!source.channel_axis.has_value()) draft.configs = per_tensor(std::move(draft.configs));
  if (draft.configs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        context.constraints(node, true).prefix("per_channel"), node->name(), ": its weight ", source.value->name(),
        " has no axis of output channels of its own, the config asks for per_channel: override "
        "per_channel with false for this scope"));
  }
  draft.point.value = source.value;
  draft.point.uses = {source.use};
  draft.point.is_weight = true;
  draft.point.channel_axis = source.channel_axis.value_or(0);
  draft.point.name = source.value->name();
  draft.point.served = {node};
  return draft;
}

// Whether `into` can serve `other` as well; then it does.
bool absorb(Draft& into, const Draft& other) {
  std::vector<QuantizerConfig> configs = intersect(into.configs, other.configs);
  if (into.point.channel_axis != other.point.channel_axis) configs = per_tensor(std::move(configs));
  if (configs.empty()) return false;
  into.configs = std::move(configs);
  for (const graph::Use& use : other.point.uses) {
    auto& uses = into.point.uses;
    if (std::find(uses.begin(), uses.end(), use) == uses.end()) uses.push_back(use);
  }
  into.point.served.insert(into.point.served.end(), other.point.served.begin(), other.point.served.end());
  return true;
}

bool share_a_use(const Draft& first, const Draft& second) {
  return std::any_of(first.point.uses.begin(), first.point.uses.end(), [&](const graph::Use& use) {
    return std::find(second.point.uses.begin(), second.point.uses.end(), use) != second.point.uses.end();
  });
}

// Where the config asks for something for the one that it does not ask for for the other: "$.place: ", or "".
std::string place_of_difference(const PlacementContext& context, const Node* first, const Node* second) {
  const auto paths = context.constraints(first, true).paths, others = context.constraints(second, true).paths;
  for (const auto& [one, two] : {std::pair{&paths, &others}, {&others, &paths}}) {
    for (const auto& [key, path] : *one) {
      const auto same = two->find(key);
      if (same == two->end() || same->second != path) return absl::StrCat(path, ": ");
    }
  }
  return "";
}

absl::Status merge_into(const PlacementContext& context, std::vector<Draft>& drafts, Draft draft) {
  for (Draft& present : drafts) {
    if (absorb(present, draft)) return absl::OkStatus();
    if (share_a_use(present, draft)) {
      return absl::InvalidArgumentError(absl::StrCat(
          place_of_difference(context, present.point.served[0], draft.point.served[0]), present.point.name, ": ",
          present.point.served[0]->name(), " and ", draft.point.served[0]->name(),
          " share this weight, but the config asks for different quantizers: ", to_string(present.configs[0]), " and ",
          to_string(draft.configs[0]), ": override both scopes alike"));
    }
  }
  drafts.push_back(std::move(draft));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<QuantizationPoint>> place_weight_quantizers(const PlacementContext& context) {
  std::vector<const Value*> order;
  std::map<const Value*, std::vector<Draft>> drafts;
  for (Node* node : context.graph().nodes()) {
    const OperatorTraits& traits = context.flow().traits(node);
    if (!traits.takes_quantized || !context.quantizes_weights(node)) continue;
    const auto weight = context.weight(node);
    if (!weight.has_value() || context.fused().contains(node, weight->input)) continue;
    PARE_ASSIGN_OR_RETURN(Draft draft, draft_of(context, node, weight->source));
    if (drafts.count(weight->source.value) == 0) order.push_back(weight->source.value);
    PARE_RETURN_IF_ERROR(merge_into(context, drafts[weight->source.value], std::move(draft)));
  }
  std::vector<QuantizationPoint> points;
  for (const Value* value : order) {
    for (Draft& draft : drafts[value]) {
      draft.point.config = draft.configs.front();
      points.push_back(std::move(draft.point));
    }
  }
  return points;
}

}  // namespace pare::quantization
