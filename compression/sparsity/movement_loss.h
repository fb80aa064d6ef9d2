// compression/sparsity/movement_loss.h: the loss that pushes the importance scores of movement sparsity down.
//
//   factor * the mean over the layers of mean(sigmoid(score))
// (METHODS, movement_sparsity; Sanh et al. 2020, arXiv:2005.07683, section 4, "soft movement pruning".)

#ifndef PARE_COMPRESSION_SPARSITY_MOVEMENT_LOSS_H_
#define PARE_COMPRESSION_SPARSITY_MOVEMENT_LOSS_H_

#include <utility>
#include <vector>

#include "graph/graph.h"
#include "losses/compression_loss.h"

namespace pare::sparsity {

class MovementLoss : public CompressionLoss {
 public:
  explicit MovementLoss(std::vector<graph::Value*> scores) : scores_(std::move(scores)) {}

  // At 0, where it starts, there is nothing to add.
  void set_factor(double factor) { factor_ = factor; }
  double factor() const { return factor_; }

  at::Tensor forward() override;
  // "factor", and "mean_importance", what it is multiplied with.
  Statistics statistics() const override;
  // Before the scores leave the graph: nothing to add, nothing to say.
  void release();

 private:
  at::Tensor mean_importance() const;

  std::vector<graph::Value*> scores_;
  double factor_ = 0.0;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MOVEMENT_LOSS_H_
