// training/batch_norm.h: makes batch norms use their running statistics, in training too, for as long as it lives.
//
//   FrozenBatchNorm frozen(model->graph());
//   ... model->train(); forward() neither uses the batch's statistics nor updates the running ones ...
//
// Their scale and shift are learned as before. Short fine-tuning at a small batch disturbs the statistics of a good
// model more than it helps them.

#ifndef PARE_TRAINING_BATCH_NORM_H_
#define PARE_TRAINING_BATCH_NORM_H_

#include <cstddef>
#include <vector>

#include "graph/graph.h"

namespace pare::training {

class FrozenBatchNorm {
 public:
  // The graph must outlive it, and the batch norms must not be removed from it meanwhile.
  explicit FrozenBatchNorm(graph::Graph& graph);
  ~FrozenBatchNorm();
  FrozenBatchNorm(const FrozenBatchNorm&) = delete;
  FrozenBatchNorm& operator=(const FrozenBatchNorm&) = delete;

  // How many batch norms were frozen.
  size_t size() const { return uses_.size(); }

 private:
  graph::Graph& graph_;
  std::vector<graph::Use> uses_;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_BATCH_NORM_H_
