#include "compression/quantization/range_settings.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::quantization {

namespace {

const std::map<std::string, RangeType>& range_types() {
  static const auto& types = *new std::map<std::string, RangeType>{{"min_max", RangeType::kMinMax},
                                                                   {"mixed_min_max", RangeType::kMixedMinMax},
                                                                   {"mean_min_max", RangeType::kMeanMinMax},
                                                                   {"threesigma", RangeType::kThreeSigma},
                                                                   {"percentile", RangeType::kPercentile},
                                                                   {"mean_percentile", RangeType::kMeanPercentile},
                                                                   {"mse", RangeType::kMse}};
  return types;
}

std::vector<std::string> range_type_names() {
  std::vector<std::string> names;
  for (const auto& [name, type] : range_types()) names.push_back(name);
  return names;
}

// A list, or one object for all.
ScopeSet read_scopes(config::ObjectReader& reader, const std::string& key) {
  absl::StatusOr<ScopeSet> scopes = ScopeSet::create(reader.strings(key), reader.path_of(key));
  if (scopes.ok()) return *std::move(scopes);
  reader.fail(scopes.status());
  return ScopeSet();
}

bool names_point(const ScopeSet& scopes, const QuantizationPoint& point) {
  if (scopes.matches(point.name)) return true;
  if (point.input_index >= 0) return scopes.matches_input(point.value->name(), static_cast<size_t>(point.input_index));
  const graph::Node* producer = point.value->producer();
  if (!point.is_weight) return producer != nullptr && scopes.matches(*producer);
  for (const graph::Node* node : point.served) {
    if (scopes.matches(*node)) return true;
  }
  return false;
}

}  // namespace

RangeRules::Rule RangeRules::read_rule(config::ObjectReader& reader) {
  Rule rule;
  rule.path = reader.path();
  rule.settings.type = range_types().at(reader.one_of("type", "mixed_min_max", range_type_names()));
  rule.settings.num_init_samples = reader.integer("num_init_samples", rule.settings.num_init_samples, {.min = 0});
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  rule.settings.min_percentile = params.number("min_percentile", rule.settings.min_percentile, {.min = 0, .max = 100});
  rule.settings.max_percentile = params.number("max_percentile", rule.settings.max_percentile, {.min = 0, .max = 100});
  if (params.ok() && rule.settings.min_percentile >= rule.settings.max_percentile) {
    params.fail("min_percentile", absl::StrCat("expected less than max_percentile, ", rule.settings.max_percentile,
                                               ", found ", rule.settings.min_percentile));
  }
  reader.fail(params.finish());
  const std::string group = reader.one_of("target_quantizer_group", "any", {"any", "weights", "activations"});
  rule.group = group == "weights" ? Group::kWeights : group == "activations" ? Group::kActivations : Group::kAny;
  rule.target = read_scopes(reader, "target_scopes");
  rule.ignored = read_scopes(reader, "ignored_scopes");
  rule.validate_scopes = reader.boolean("validate_scopes", rule.validate_scopes);
  return rule;
}

void RangeRules::read_override(config::ObjectReader& initializer, bool weights, const ScopeSet& scope) {
  config::ObjectReader reader(initializer.object("range"), initializer.path_of("range"));
  if (!initializer.has("range")) return;
  Rule rule = read_rule(reader);
  for (const char* key : {"target_scopes", "ignored_scopes", "target_quantizer_group"}) {
    if (reader.has(key)) reader.fail(key, "expected none here: the override says what it is for");
  }
  initializer.fail(reader.finish());
  rule.group = weights ? Group::kWeights : Group::kActivations;
  rule.target = scope;
  rule.validate_scopes = false;  // The override's own check is made once.
  overrides_.push_back(std::move(rule));
}

RangeRules RangeRules::read(config::ObjectReader& initializer) {
  RangeRules rules;
  for (const auto& [json, path] : initializer.objects("range")) {
    config::ObjectReader reader(json, path);
    rules.rules_.push_back(read_rule(reader));
    initializer.fail(reader.finish());
  }
  return rules;
}

absl::StatusOr<RangeSettings> RangeRules::settings_for(const QuantizationPoint& point) const {
  for (auto rule = overrides_.rbegin(); rule != overrides_.rend(); ++rule) {
    if ((rule->group == Group::kWeights) != point.is_weight) continue;
    const bool serves = std::any_of(point.served.begin(), point.served.end(),
                                    [&](const graph::Node* node) { return rule->target.matches(*node); });
    if (serves || names_point(rule->target, point)) return rule->settings;
  }
  const Rule* found = nullptr;
  for (const Rule& rule : rules_) {
    if (rule.group == (point.is_weight ? Group::kActivations : Group::kWeights)) continue;
    if (!rule.target.empty() && !names_point(rule.target, point)) continue;
    if (names_point(rule.ignored, point)) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(rule.path, ": it and ", found->path, " are both for the quantizer ", point.name,
                       "; expected one: part them by target_scopes, ignored_scopes or target_quantizer_group"));
    }
    found = &rule;
  }
  return found == nullptr ? RangeSettings() : found->settings;
}

absl::Status RangeRules::check_all_match(const graph::Graph& graph) const {
  // settings_for() knows a weight's quantizer by its parameter's name, too.
  std::vector<std::string> parameters;
  for (const graph::Value* parameter : graph.parameters()) parameters.push_back(parameter->name());
  for (const Rule& rule : rules_) {
    if (!rule.validate_scopes) continue;
    PARE_RETURN_IF_ERROR(rule.target.check_all_match(graph, parameters));
    PARE_RETURN_IF_ERROR(rule.ignored.check_all_match(graph, parameters));
  }
  return absl::OkStatus();
}

}  // namespace pare::quantization
