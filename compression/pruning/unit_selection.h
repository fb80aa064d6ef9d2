// compression/pruning/unit_selection.h: which units go, by their importances and how much is to go.
//
//   const UnitSelection selection(units, {.round_to = 8, .is_global = false});
//   const RemovedUnits removed = selection.at_level(importances, 0.5);
//   PARE_ASSIGN_OR_RETURN(RemovedUnits fewer, selection.at_flops(importances, 0.4, cost));   // 40% of the FLOPs go
//
// Level: the share of the units that goes, in each cluster, or of all units by one ranking. The number of channels that
// a cluster keeps, and the number of filters that each of its layers keeps, is then rounded up to a multiple of
// `round_to` (or to all of them), but for units of several filters (heads). Whatever the level, an axis keeps one
// index: no layer loses all of its filters.

#ifndef PARE_COMPRESSION_PRUNING_UNIT_SELECTION_H_
#define PARE_COMPRESSION_PRUNING_UNIT_SELECTION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/pruning/pruning_cost.h"
#include "compression/pruning/pruning_units.h"

namespace pare::pruning {

struct SelectionOptions {
  int64_t round_to = 8;    // 1: not at all
  bool is_global = false;  // one ranking over all clusters
};

class UnitSelection {
 public:
  // The units must outlive it.
  UnitSelection(const PruningUnits& units, const SelectionOptions& options);

  // level in [0, 1]; at 1 goes what can. Of equal importances the later unit stays.
  RemovedUnits at_level(const std::vector<double>& importances, double level) const;

  // The least level at which `share` of the model's FLOPs, or more, are gone. InvalidArgument, saying what is within
  // reach, if that is more than can go.
  absl::StatusOr<RemovedUnits> at_flops(const std::vector<double>& importances, double share,
                                        const PruningCost& cost) const;

 private:
  int64_t to_remove(const PruningCluster& cluster, int64_t wanted) const;
  void keep_multiples(const std::vector<double>& importances, RemovedUnits& removed) const;
  void remove_least(const std::vector<double>& importances, std::vector<size_t> units, int64_t count,
                    RemovedUnits& removed) const;

  const PruningUnits& units_;
  SelectionOptions options_;
  std::vector<std::vector<size_t>> axes_of_unit_;
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_UNIT_SELECTION_H_
