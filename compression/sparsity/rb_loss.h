// compression/sparsity/rb_loss.h: the loss that pulls learned masks towards a level of sparsity.
//
//   global   (((sum over all layers of [sigmoid(m) > 0.5]) / N - (1 - level)) / p)^2,  p = 0.05
//   local    the mean over the layers of the same for each layer alone
// m: the logits, N: their number. The derivative of the step [.] by a logit is taken as 1 (straight-through), so each
// logit of a layer gets the same push. (METHODS of NNCF's rb_sparsity; Louizos et al. 2018, arXiv:1712.01312, count the
// expected number of weights instead.)

#ifndef PARE_COMPRESSION_SPARSITY_RB_LOSS_H_
#define PARE_COMPRESSION_SPARSITY_RB_LOSS_H_

#include <vector>

#include "graph/graph.h"
#include "losses/compression_loss.h"

namespace pare::sparsity {

class RbLoss : public CompressionLoss {
 public:
  static constexpr double kP = 0.05;

  RbLoss(std::vector<graph::Value*> logits, bool is_local) : logits_(std::move(logits)), is_local_(is_local) {}

  // The level, in [0, 1), that the model is to have.
  void set_level(double level) { level_ = level; }
  // Off, there is nothing to add.
  void set_enabled(bool enabled) { is_enabled_ = enabled; }
  bool is_enabled() const { return is_enabled_; }

  at::Tensor forward() override;
  // "current_sparsity": what the loss sees, and "target_level".
  Statistics statistics() const override;
  // The share of logits with sigmoid(m) <= 0.5, over all layers.
  double current_sparsity() const;
  // Before the logits leave the graph: the sparsity stays what it is now, and there is nothing to add.
  void release();

 private:
  std::vector<graph::Value*> logits_;
  bool is_local_;
  double level_ = 0.0;
  bool is_enabled_ = true;
  double released_sparsity_ = 0.0;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_RB_LOSS_H_
