// compression/pruning/importance.h: how much each unit of a model matters: the least go first.
//
//   const std::vector<double> importance = unit_importances(units, {.norm = FilterNorm::kL2});
//
// A filter's importance is the L1 or L2 norm of its weights (Li et al. 2017, arXiv:1608.08710), or the sum of its L2
// distances to the other filters of its layer (geometric median: He et al. 2019, arXiv:1811.00250). A unit's is the sum
// over its filters, in all layers that it has some in; a head's that of its rows.

#ifndef PARE_COMPRESSION_PRUNING_IMPORTANCE_H_
#define PARE_COMPRESSION_PRUNING_IMPORTANCE_H_

#include <vector>

#include "compression/pruning/pruning_units.h"

namespace pare::pruning {

enum class FilterNorm { kL1, kL2, kGeometricMedian };

// Of one layer: alpha * importance + kappa (LeGR: Chin et al. 2020, arXiv:1904.12368).
struct RankingCoefficients {
  double alpha = 1.0;
  double kappa = 0.0;
  bool operator==(const RankingCoefficients& other) const { return alpha == other.alpha && kappa == other.kappa; }
};

struct ImportanceOptions {
  FilterNorm norm = FilterNorm::kL2;
  // Divided by the L2 norm of the layer's importances, so that layers can be compared.
  bool is_normalised = false;
  // One a layer; empty: none.
  std::vector<RankingCoefficients> coefficients;
};

// Of every filter of every layer, in float32 of the weights as they are behind their masks. Throws c10::Error for
// weights that are not on the CPU.
std::vector<std::vector<double>> filter_importances(const PruningUnits& units, FilterNorm norm);

std::vector<double> unit_importances(const PruningUnits& units, const ImportanceOptions& options);
// From filter_importances() of before.
std::vector<double> unit_importances(const PruningUnits& units, std::vector<std::vector<double>> filters,
                                     const ImportanceOptions& options);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_IMPORTANCE_H_
