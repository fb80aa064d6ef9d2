#include "compression/quantization/range_settings.h"

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
  rule.settings.num_init_samples = reader.integer("num_init_samples", rule.settings.num_init_samples, {.min = 1});
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
  return rule;
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
  for (const Rule& rule : rules_) {
    PARE_RETURN_IF_ERROR(rule.target.check_all_match(graph));
    PARE_RETURN_IF_ERROR(rule.ignored.check_all_match(graph));
  }
  return absl::OkStatus();
}

}  // namespace pare::quantization
