#include "compression/quantization/overrides.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace pare::quantization {

namespace {

bool names_served(const ScopeSet& scopes, const QuantizationPoint& point) {
  return std::any_of(point.served.begin(), point.served.end(),
                     [&](const graph::Node* node) { return scopes.matches(*node); });
}

bool names_output(const ScopeSet& scopes, const QuantizationPoint& point) {
  if (point.input_index >= 0) {
    return scopes.matches_input(point.value->name(), static_cast<size_t>(point.input_index));
  }
  return point.value->producer() != nullptr && scopes.matches(*point.value->producer());
}

bool reaches_any(const ScopeSet& scopes, bool weights, const std::vector<QuantizationPoint>& points) {
  return std::any_of(points.begin(), points.end(), [&](const QuantizationPoint& point) {
    return point.is_weight == weights && names_served(scopes, point);
  });
}

bool shares_scale(const QuantizationPoint& one, const QuantizationPoint& other) {
  return one.unified_scale_group >= 0 && one.unified_scale_group == other.unified_scale_group;
}

}  // namespace

absl::Status apply_output_overrides(const PlacementContext& context, std::vector<QuantizationPoint>& points) {
  for (const auto& [scopes, changes] : context.options().activation_overrides) {
    if (reaches_any(scopes, /*weights=*/false, points)) continue;
    for (const QuantizationPoint& named : points) {
      if (named.is_weight || !names_output(scopes, named)) continue;
      PARE_ASSIGN_OR_RETURN(const QuantizerConfig config,
                            changed_activation_config(named.name, context.rules(), named.config, changes));
      for (QuantizationPoint& point : points) {
        if (&point == &named || shares_scale(point, named)) point.config = config;
      }
    }
  }
  return absl::OkStatus();
}

void warn_of_unused_constraints(const PlacementContext& context, const std::vector<QuantizationPoint>& points) {
  const PlacementOptions& options = context.options();
  for (const bool weights : {true, false}) {
    for (const auto& [scopes, changes] : weights ? options.weight_overrides : options.activation_overrides) {
      const bool names_an_output =
          !weights && std::any_of(points.begin(), points.end(), [&scopes = scopes](const QuantizationPoint& point) {
            return !point.is_weight && names_output(scopes, point);
          });
      if (names_an_output || reaches_any(scopes, weights, points)) continue;
      log_warning(absl::StrCat(scopes.path(), ": the override has no effect, since no quantizer of ",
                               weights ? "weights" : "activations", " is there; `pare inspect` lists the quantizers"));
    }
  }
  const QuantizationPoint* first = nullptr;
  std::string path;
  size_t count = 0;
  for (const QuantizationPoint& point : points) {
    if (point.config.mode != QuantizationMode::kAsymmetric) continue;
    for (const graph::Node* node : point.served) {
      const QuantizerConstraints constraints = context.constraints(node, point.is_weight);
      if (!constraints.is_signed.has_value()) continue;
      if (first == nullptr) path = constraints.prefix("signed");
      if (first == nullptr) first = &point;
      ++count;
      break;
    }
  }
  if (first == nullptr) return;
  log_warning(absl::StrCat(path, "signed has no effect on asymmetric quantizers, whose zero point follows the data: ",
                           count, " of them, the first ", first->name));
}

}  // namespace pare::quantization
