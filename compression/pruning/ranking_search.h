// compression/pruning/ranking_search.h: finds how the importances of different layers compare (LeGR).
//
//   PARE_ASSIGN_OR_RETURN(std::vector<RankingCoefficients> best, search_ranking(deviations, {}, evaluate));
//
// Each layer's importances become alpha * importance + kappa; `evaluate` prunes by the ranking that follows over all
// layers and returns the loss of the result. The coefficients are found by regularised evolution (Chin et al. 2020,
// arXiv:1904.12368, algorithm 1; Real et al. 2019, arXiv:1802.01548):
//   the first `population` candidates   alpha = e^N(0, 1), kappa = N(0, deviation of the layer); the last of them is
//                                       alpha 1, kappa 0: the ranking as it is
//   each of the others                  the best of `sample` drawn from the population, with the coefficients of a
//   share
//                                       `mutation` of the layers (one at least) changed by alpha e^N(0, s),
//                                       kappa + N(0, deviation), s = 1 - generation / (1.25 generations); it takes the
//                                       place of the oldest
// Random numbers are data/random.h's: the same seed finds the same everywhere.

#ifndef PARE_COMPRESSION_PRUNING_RANKING_SEARCH_H_
#define PARE_COMPRESSION_PRUNING_RANKING_SEARCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/pruning/importance.h"

namespace pare::pruning {

struct RankingSearchOptions {
  int64_t generations = 400;
  int64_t population = 64;
  int64_t sample = 16;
  double mutation = 0.1;
  uint64_t seed = 42;
};

using RankingEvaluation = std::function<absl::StatusOr<double>(const std::vector<RankingCoefficients>&)>;

// deviations: of each layer's importances. The best of all candidates; one whose loss is NaN is worse than any. Errors:
// those of `evaluate`.
absl::StatusOr<std::vector<RankingCoefficients>> search_ranking(const std::vector<double>& deviations,
                                                                const RankingSearchOptions& options,
                                                                const RankingEvaluation& evaluate);

// {"<layer's name>": [alpha, kappa], ...} as a JSON file. load: InvalidArgument, naming the file, unless it has exactly
// these layers.
absl::Status save_ranking(const std::string& path, const std::vector<std::string>& layers,
                          const std::vector<RankingCoefficients>& coefficients);
absl::StatusOr<std::vector<RankingCoefficients>> load_ranking(const std::string& path,
                                                              const std::vector<std::string>& layers);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_RANKING_SEARCH_H_
