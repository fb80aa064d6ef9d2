// compression/pruning/pruning_statistics.h: how far a model is pruned, for people and logs.
//
//   statistics.merge(pruning_statistics(units, cost, removed));

#ifndef PARE_COMPRESSION_PRUNING_PRUNING_STATISTICS_H_
#define PARE_COMPRESSION_PRUNING_PRUNING_STATISTICS_H_

#include "compression/pruning/pruning_cost.h"
#include "compression/pruning/pruning_units.h"
#include "statistics/statistics.h"

namespace pare::pruning {

// "flops", "parameters" and "filters" (of convolutions and linear layers) now, "full_flops", ... before, and
// "flops_removed", ... the shares that are gone; and the table "layers" (name, full shape, filters full and now, level,
// FLOPs full and now), in the order of execution.
Statistics pruning_statistics(const PruningUnits& units, const PruningCost& cost, const RemovedUnits& removed);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_PRUNING_STATISTICS_H_
