#include "compression/pruning/pruning_statistics.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace pare::pruning {
namespace {

void add(Statistics& statistics, const std::string& what, double full, double now) {
  statistics.set(absl::StrCat("full_", what), static_cast<int64_t>(full + 0.5));
  statistics.set(what, static_cast<int64_t>(now + 0.5));
  statistics.set(absl::StrCat(what, "_removed"), full > 0 ? 1 - now / full : 0.0);
}

}  // namespace

Statistics pruning_statistics(const PruningUnits& units, const PruningCost& cost, const RemovedUnits& removed) {
  const ModelCost now = cost.of(removed);
  const RemovedUnits none(removed.size(), false);
  Statistics statistics;
  add(statistics, "flops", cost.full().flops, now.flops);
  add(statistics, "parameters", cost.full().parameters, now.parameters);
  add(statistics, "filters", static_cast<double>(cost.full().filters), static_cast<double>(now.filters));
  Table& table = statistics.table("layers", {"name", "kind", "filters", "filters_now", "level", "flops", "flops_now"});
  for (size_t i = 0; i < units.layers().size(); ++i) {
    const PrunedLayer& layer = units.layers()[i];
    const auto gone = std::count_if(layer.units.begin(), layer.units.end(), [&](int32_t unit) {
      return unit != kNoUnit && removed[static_cast<size_t>(unit)];
    });
    table.add_row({layer.layer.name, to_string(layer.layer.kind), layer.num_filters(), layer.num_filters() - gone,
                   static_cast<double>(gone) / static_cast<double>(layer.num_filters()),
                   static_cast<int64_t>(cost.layer_flops(i, none) + 0.5),
                   static_cast<int64_t>(cost.layer_flops(i, removed) + 0.5)});
  }
  return statistics;
}

}  // namespace pare::pruning
