#include "compression/quantization/precision_settings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "compression/quantization/quantizer_config.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {
namespace {

using Part = PrecisionSettings::Part;

std::pair<std::string, Part> split_part(std::string scope) {
  for (const auto& [ending, part] :
       {std::pair{"|WEIGHT", Part::kWeight}, {"|INPUT", Part::kInput}, {"|OUTPUT", Part::kOutput}}) {
    absl::string_view rest = scope;
    if (absl::ConsumeSuffix(&rest, ending)) return {std::string(rest), part};
  }
  return {std::move(scope), Part::kWeightAndInput};
}

bool is_assignment(const nlohmann::json& pair) {
  return pair.is_array() && pair.size() == 2 && pair[0].is_number_integer() && pair[0] >= kMinBits &&
         pair[0] <= kMaxBits && pair[1].is_string();
}

std::vector<PrecisionSettings::Assignment> read_assignments(config::ObjectReader& precision) {
  const char* key = "bitwidth_per_scope";
  std::vector<PrecisionSettings::Assignment> assignments;
  const nlohmann::json* json = precision.any(key);
  if (json == nullptr || !json->is_array() || !std::all_of(json->begin(), json->end(), is_assignment)) {
    precision.fail(key, absl::StrCat("expected a list of pairs [bits, scope] with bits from ", kMinBits, " to ",
                                     kMaxBits, json == nullptr ? ", found none" : ", found " + json->dump()));
    return assignments;
  }
  for (size_t i = 0; i < json->size(); ++i) {
    auto [scope, part] = split_part((*json)[i][1].get<std::string>());
    absl::StatusOr<ScopeSet> set = ScopeSet::create({scope}, absl::StrCat(precision.path_of(key), "[", i, "]"));
    if (!set.ok()) {
      precision.fail(set.status());
      return assignments;
    }
    assignments.push_back({(*json)[i][0].get<int>(), *std::move(set), part});
  }
  return assignments;
}

}  // namespace

PrecisionSettings PrecisionSettings::read(config::ObjectReader& precision) {
  PrecisionSettings settings;
  if (precision.one_of("type", "hawq", {"hawq", "manual"}) == "manual") {
    settings.kind = Kind::kManual;
    settings.assignments = read_assignments(precision);
    return settings;
  }
  const auto bits = precision.integers("bits", {2, 4, 8}, {.min = kMinBits, .max = kMaxBits});
  settings.bits.assign(bits.begin(), bits.end());
  if (settings.bits.empty() ||
      std::adjacent_find(settings.bits.begin(), settings.bits.end(), std::greater_equal<>()) != settings.bits.end()) {
    precision.fail("bits", "expected numbers in rising order");
  }
  settings.compression_ratio = precision.number("compression_ratio", settings.compression_ratio, {.min = 1});
  settings.traces.num_data_points = precision.integer("num_data_points", settings.traces.num_data_points, {.min = 1});
  settings.traces.max_iterations = precision.integer("iter_number", settings.traces.max_iterations, {.min = 1});
  settings.traces.tolerance = precision.number("tolerance", settings.traces.tolerance, {.min = 0});
  settings.traces.seed = static_cast<uint64_t>(precision.integer("seed", 0, {.min = 0}));
  return settings;
}

absl::Status PrecisionSettings::check_all_match(const graph::Graph& graph) const {
  for (const Assignment& assignment : assignments) PARE_RETURN_IF_ERROR(assignment.scope.check_all_match(graph));
  return absl::OkStatus();
}

}  // namespace pare::quantization
