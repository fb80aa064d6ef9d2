#include "compression/quantization/quantization_config.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "config/object_reader.h"

namespace pare::quantization {

namespace {

using config::ObjectReader;

ScopeSet make_scopes(ObjectReader& reader, const std::vector<std::string>& scopes, const std::string& path) {
  absl::StatusOr<ScopeSet> set = ScopeSet::create(scopes, path);
  if (set.ok()) return *std::move(set);
  reader.fail(set.status());
  return ScopeSet();
}

ScopeSet read_scopes(ObjectReader& reader, const std::string& key) {
  return make_scopes(reader, reader.strings(key), reader.path_of(key));
}

QuantizerConstraints read_constraints(ObjectReader& reader) {
  QuantizerConstraints constraints;
  if (reader.has("mode")) {
    const std::string mode = reader.one_of("mode", "symmetric", {"symmetric", "asymmetric"});
    constraints.mode = mode == "symmetric" ? QuantizationMode::kSymmetric : QuantizationMode::kAsymmetric;
  }
  if (const auto bits = reader.optional_integer("bits", {.min = kMinBits, .max = kMaxBits})) {
    constraints.bits = static_cast<int>(*bits);
  }
  constraints.is_signed = reader.optional_boolean("signed");
  constraints.per_channel = reader.optional_boolean("per_channel");
  constraints.logarithm_scale = reader.optional_boolean("logarithm_scale");
  for (const char* key : {"mode", "bits", "signed", "per_channel", "logarithm_scale"}) {
    if (reader.has(key)) constraints.paths[key] = reader.path_of(key);
  }
  return constraints;
}

// {"<scope>": {constraints, "initializer": {"range": ...}}, ...}
std::vector<std::pair<ScopeSet, QuantizerConstraints>> read_overrides(ObjectReader& overrides, bool weights,
                                                                      RangeRules& ranges) {
  const std::string key = weights ? "weights" : "activations";
  std::vector<std::pair<ScopeSet, QuantizerConstraints>> result;
  const nlohmann::json* scopes = overrides.object(key);
  if (scopes == nullptr) return result;
  ObjectReader reader(scopes, overrides.path_of(key));
  for (const auto& [scope, json] : scopes->items()) {
    reader.has(scope);
    ObjectReader one(json, reader.path_of(scope));
    const QuantizerConstraints constraints = read_constraints(one);
    const ScopeSet scope_set = make_scopes(overrides, {scope}, reader.path_of(scope));
    ObjectReader initializer(one.object("initializer"), one.path_of("initializer"));
    ranges.read_override(initializer, weights, scope_set);
    one.fail(initializer.finish());
    overrides.fail(one.finish());
    result.emplace_back(scope_set, constraints);
  }
  overrides.fail(reader.finish());
  return result;
}

// A list of groups, each a list of scopes.
std::vector<std::vector<ScopeSet>> read_unified_scales(ObjectReader& reader) {
  std::vector<std::vector<ScopeSet>> groups;
  const std::string key = "unified_scale_ops";
  const nlohmann::json* json = reader.any(key);
  if (json == nullptr) return groups;
  const auto is_group = [](const nlohmann::json& group) {
    return group.is_array() && group.size() >= 2 &&
           std::all_of(group.begin(), group.end(), [](const nlohmann::json& scope) { return scope.is_string(); });
  };
  if (!json->is_array() || !std::all_of(json->begin(), json->end(), is_group)) {
    reader.fail(key, absl::StrCat("expected a list of groups, each a list of two or more operators' names, found ",
                                  json->dump()));
    return groups;
  }
  for (size_t i = 0; i < json->size(); ++i) {
    std::vector<ScopeSet> group;
    for (const nlohmann::json& scope : (*json)[i]) {
      group.push_back(make_scopes(reader, {scope.get<std::string>()}, absl::StrCat(reader.path_of(key), "[", i, "]")));
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

// Scopes of the root and of the algorithm's own object, each with its place.
void read_inherited_scopes(ObjectReader& reader, const AlgorithmConfig& algorithm, PlacementOptions& placement) {
  const std::string target_path =
      algorithm.has_root_target_scopes ? "$.target_scopes" : absl::StrCat(algorithm.path, ".target_scopes");
  placement.target = make_scopes(reader, algorithm.target_scopes, target_path);
  const auto own = algorithm.ignored_scopes.begin() +
                   static_cast<ptrdiff_t>(std::min(algorithm.num_root_ignored_scopes, algorithm.ignored_scopes.size()));
  placement.ignored = make_scopes(reader, {algorithm.ignored_scopes.begin(), own}, "$.ignored_scopes");
  reader.fail(
      placement.ignored.add({own, algorithm.ignored_scopes.end()}, absl::StrCat(algorithm.path, ".ignored_scopes")));
}

// "params": the staged schedule.
void read_params(ObjectReader& reader, QuantizationConfig& config) {
  const nlohmann::json* params = reader.object("params");
  if (params == nullptr || params->empty()) return;
  ObjectReader params_reader(params, reader.path_of("params"));
  config.staged = StagedParams::read(params_reader);
  for (const char* key : {"base_lr", "base_wd"}) {
    if (!params_reader.has(key)) continue;
    config.notes.push_back(absl::StrCat(params_reader.path_of(key),
                                        " is accepted and has no effect: the trainer's own --learning_rate and "
                                        "--weight_decay are what the schedule multiplies"));
  }
  if (config.staged->batch_multiplier != 1) {
    config.notes.push_back(absl::StrCat(params_reader.path_of("batch_multiplier"),
                                        " is accepted and has no effect: gradients are not added up over batches; "
                                        "give the data loader larger ones"));
  }
  reader.fail(params_reader.finish());
}

void read_initializer(ObjectReader& reader, QuantizationConfig& config) {
  ObjectReader initializer(reader.object("initializer"), reader.path_of("initializer"));
  config.ranges = RangeRules::read(initializer);
  ObjectReader adaptation(initializer.object("batchnorm_adaptation"), initializer.path_of("batchnorm_adaptation"));
  config.num_bn_adaptation_samples =
      adaptation.integer("num_bn_adaptation_samples", config.num_bn_adaptation_samples, {.min = 0});
  adaptation.integer("num_bn_forget_samples", 0, {.min = 0});
  initializer.fail(adaptation.finish());
  if (const nlohmann::json* object = initializer.object("precision"); object != nullptr) {
    ObjectReader precision(object, initializer.path_of("precision"));
    config.precision = PrecisionSettings::read(precision);
    initializer.fail(precision.finish());
  }
  reader.fail(initializer.finish());
}

}  // namespace

absl::StatusOr<QuantizationConfig> QuantizationConfig::parse(const AlgorithmConfig& algorithm) {
  ObjectReader reader(algorithm.object, algorithm.path);
  accept_common_keys(reader);
  QuantizationConfig config;
  PlacementOptions& placement = config.placement;
  config.validate_scopes = algorithm.validate_scopes;
  placement.target_device = algorithm.target_device;
  read_inherited_scopes(reader, algorithm, placement);
  placement.preset = reader.one_of("preset", placement.preset, {"performance", "mixed"});
  placement.overflow_fix =
      reader.one_of("overflow_fix", placement.overflow_fix, {"enable", "disable", "first_layer_only"});
  placement.quantize_inputs = reader.boolean("quantize_inputs", placement.quantize_inputs);
  placement.quantize_outputs = reader.boolean("quantize_outputs", placement.quantize_outputs);
  reader.boolean("export_to_onnx_standard_ops", true);
  const std::string gradient = reader.one_of("gradient", "exact", {"exact", "nncf"});
  config.gradient = gradient == "exact" ? ops::GradientRule::kExact : ops::GradientRule::kNncf;

  ObjectReader weights(reader.object("weights"), reader.path_of("weights"));
  placement.weights = read_constraints(weights);
  placement.target_weights = read_scopes(weights, "target_scopes");
  placement.ignored_weights = read_scopes(weights, "ignored_scopes");
  config.validate_weight_scopes = weights.boolean("validate_scopes", true);
  reader.fail(weights.finish());

  ObjectReader activations(reader.object("activations"), reader.path_of("activations"));
  placement.activations = read_constraints(activations);
  placement.target_activations = read_scopes(activations, "target_scopes");
  placement.ignored_activations = read_scopes(activations, "ignored_scopes");
  config.validate_activation_scopes = activations.boolean("validate_scopes", true);
  placement.unified_scale_groups = read_unified_scales(activations);
  reader.fail(activations.finish());

  read_initializer(reader, config);
  ObjectReader overrides(reader.object("scope_overrides"), reader.path_of("scope_overrides"));
  placement.weight_overrides = read_overrides(overrides, /*weights=*/true, config.ranges);
  placement.activation_overrides = read_overrides(overrides, /*weights=*/false, config.ranges);
  reader.fail(overrides.finish());
  read_params(reader, config);
  PARE_RETURN_IF_ERROR(reader.finish());
  return config;
}

absl::Status QuantizationConfig::check_scopes(const graph::Graph& graph) const {
  if (!validate_scopes) return absl::OkStatus();
  std::vector<const ScopeSet*> all{&placement.target, &placement.ignored};
  if (validate_weight_scopes) {
    all.insert(all.end(), {&placement.target_weights, &placement.ignored_weights});
  }
  if (validate_activation_scopes) {
    all.insert(all.end(), {&placement.target_activations, &placement.ignored_activations});
    for (const std::vector<ScopeSet>& group : placement.unified_scale_groups) {
      for (const ScopeSet& scopes : group) all.push_back(&scopes);
    }
  }
  for (const auto* overrides : {&placement.weight_overrides, &placement.activation_overrides}) {
    for (const auto& [scopes, constraints] : *overrides) all.push_back(&scopes);
  }
  for (const ScopeSet* scopes : all) PARE_RETURN_IF_ERROR(scopes->check_all_match(graph));
  if (precision.has_value()) PARE_RETURN_IF_ERROR(precision->check_all_match(graph));
  return ranges.check_all_match(graph);
}

}  // namespace pare::quantization
