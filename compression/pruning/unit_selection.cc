#include "compression/pruning/unit_selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pare::pruning {
namespace {

// 0.3 * 10 is 3.
constexpr double kRounding = 1e-9;

int64_t share_of(double level, size_t count) {
  return static_cast<int64_t>(std::floor(level * static_cast<double>(count) + kRounding));
}

}  // namespace

UnitSelection::UnitSelection(const PruningUnits& units, const SelectionOptions& options)
    : units_(units), options_(options), axes_of_unit_(units.units().size()) {
  for (size_t axis = 0; axis < units.axes().size(); ++axis) {
    for (const size_t unit : units.axes()[axis]) axes_of_unit_[unit].push_back(axis);
  }
}

int64_t UnitSelection::to_remove(const PruningCluster& cluster, int64_t wanted) const {
  const int64_t multiple = cluster.has_wide_units ? 1 : options_.round_to;
  const int64_t kept = std::max<int64_t>(cluster.num_channels - wanted, 1);
  return std::max<int64_t>(cluster.num_channels - (kept + multiple - 1) / multiple * multiple, 0);
}

void UnitSelection::remove_least(const std::vector<double>& importances, std::vector<size_t> units, int64_t count,
                                 RemovedUnits& removed) const {
  std::stable_sort(units.begin(), units.end(),
                   [&](size_t one, size_t other) { return importances[one] < importances[other]; });
  std::vector<size_t> left;
  for (const std::vector<size_t>& axis : units_.axes()) left.push_back(axis.size());
  for (const size_t unit : units) {
    if (count <= 0) return;
    const std::vector<size_t>& axes = axes_of_unit_[unit];
    if (std::any_of(axes.begin(), axes.end(), [&](size_t axis) { return left[axis] == 1; })) continue;
    for (const size_t axis : axes) --left[axis];
    removed[unit] = true;
    --count;
  }
}

// A layer that shares only some of its units with others of its cluster may keep another number than the cluster: its
// most important units come back until that is a multiple, too. They may come back to other layers with that.
void UnitSelection::keep_multiples(const std::vector<double>& importances, RemovedUnits& removed) const {
  if (options_.round_to == 1) return;
  for (bool changed = true; changed;) {
    changed = false;
    for (const PrunedLayer& layer : units_.layers()) {
      int64_t kept = 0;
      std::optional<size_t> best;
      bool is_wide = false;
      for (const int32_t unit : layer.units) {
        const auto i = static_cast<size_t>(unit);
        if (unit == kNoUnit || !removed[i]) {
          ++kept;
          continue;
        }
        is_wide = is_wide || units_.clusters()[units_.units()[i].cluster].has_wide_units;
        if (!best.has_value() || importances[i] > importances[*best]) best = i;
      }
      if (!best.has_value() || is_wide || kept % options_.round_to == 0) continue;
      removed[*best] = false;
      changed = true;
    }
  }
}

RemovedUnits UnitSelection::at_level(const std::vector<double>& importances, double level) const {
  RemovedUnits removed(units_.units().size(), false);
  if (level <= 0) return removed;
  if (!options_.is_global) {
    for (const PruningCluster& cluster : units_.clusters()) {
      remove_least(importances, cluster.units, to_remove(cluster, share_of(level, cluster.units.size())), removed);
    }
    keep_multiples(importances, removed);
    return removed;
  }
  std::vector<size_t> all(units_.units().size());
  std::iota(all.begin(), all.end(), size_t{0});
  RemovedUnits ranked = removed;
  remove_least(importances, std::move(all), share_of(level, units_.units().size()), ranked);
  for (const PruningCluster& cluster : units_.clusters()) {
    const auto wanted = std::count_if(cluster.units.begin(), cluster.units.end(), [&](size_t i) { return ranked[i]; });
    remove_least(importances, cluster.units, to_remove(cluster, wanted), removed);
  }
  keep_multiples(importances, removed);
  return removed;
}

absl::StatusOr<RemovedUnits> UnitSelection::at_flops(const std::vector<double>& importances, double share,
                                                     const PruningCost& cost) const {
  if (share <= 0) return RemovedUnits(units_.units().size(), false);
  const double allowed = cost.full().flops * (1 - share) * (1 + kRounding);
  RemovedUnits best = at_level(importances, 1.0);
  if (const double least = cost.of(best).flops; least > allowed) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "pruning_flops_target %.4g cannot be reached: with the fewest filters that every layer must keep (round_to "
        "%d), "
        "%.4g of the FLOPs go; lower the target or round_to, or let more layers be pruned (prune_first_conv, "
        "prune_downsample_convs, ignored_scopes)",
        share, options_.round_to, 1 - least / cost.full().flops));
  }
  double low = 0, high = 1;
  constexpr int kSteps = 30;  // far below one unit of any model
  for (int i = 0; i < kSteps; ++i) {
    const double middle = (low + high) / 2;
    RemovedUnits removed = at_level(importances, middle);
    if (cost.of(removed).flops <= allowed) {
      high = middle;
      best = std::move(removed);
    } else {
      low = middle;
    }
  }
  return best;
}

}  // namespace pare::pruning
