// compression/pruning/pruning_cost.h: what a model costs with and without some of its units.
//
//   PARE_ASSIGN_OR_RETURN(PruningCost cost, PruningCost::create(*model, labels, units, {{1, 3, 32, 32}}));
//   cost.of(removed).flops / cost.full().flops
//
// FLOPs as in graph/profile.h: those of a convolution go with its filters and with the input channels of a group, those
// of a product with rows, columns and what is summed over. Parameters are those that train, without what transforms
// have; both are counted from the labels, nothing is run again.

#ifndef PARE_COMPRESSION_PRUNING_PRUNING_COST_H_
#define PARE_COMPRESSION_PRUNING_PRUNING_COST_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/pruning/channel_labels.h"
#include "compression/pruning/pruning_units.h"
#include "graph/model.h"

namespace pare::pruning {

struct ModelCost {
  double flops = 0;
  double parameters = 0;
  int64_t filters = 0;
};

class PruningCost {
 public:
  // Runs the model once. The labels and units are those of its graph.
  static absl::StatusOr<PruningCost> create(graph::Model& model, const ChannelLabels& labels, const PruningUnits& units,
                                            const std::vector<std::vector<int64_t>>& input_size);

  ModelCost of(const RemovedUnits& removed) const;
  const ModelCost& full() const { return full_; }
  // Of one layer, by its number among the units' layers.
  double layer_flops(size_t layer, const RemovedUnits& removed) const;

 private:
  // base, times the share that is left of each axis.
  struct Term {
    double base;
    std::vector<size_t> axes;
    double of(const std::vector<double>& kept) const;
  };
  std::vector<double> shares_kept(const RemovedUnits& removed) const;
  size_t add_axis(std::vector<int32_t> units);
  Term term(double base, const std::vector<const Axis*>& axes, const ChannelLabels& labels, const PruningUnits& units);

  std::vector<std::vector<int32_t>> axes_;
  std::map<std::vector<int32_t>, size_t> axis_numbers_;
  std::vector<Term> flops_, parameters_;
  std::vector<std::vector<Term>> layer_flops_;
  std::vector<std::vector<int32_t>> filters_;  // the units of each layer
  ModelCost full_;
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_PRUNING_COST_H_
