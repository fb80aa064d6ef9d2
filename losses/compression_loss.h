// losses/compression_loss.h: a loss that a compression method adds to the task's.
//
//   class L1 : public CompressionLoss {
//    public:
//     explicit L1(std::shared_ptr<graph::Model> model) : model_(std::move(model)) {}
//     at::Tensor forward() override { ... sum of |w| over model_->parameters() ... }
//   };
//
// forward() is called once an iteration, after the model's own forward, and takes no arguments: a loss holds what it
// reads (the graph's variables, activations that a probe has kept). It returns a scalar tensor, or an undefined one for
// "nothing to add", which costs nothing. The base class adds nothing: what a method that brings no loss gets.

#ifndef PARE_LOSSES_COMPRESSION_LOSS_H_
#define PARE_LOSSES_COMPRESSION_LOSS_H_

#include <ATen/core/Tensor.h>

#include "statistics/statistics.h"

namespace pare {

class CompressionLoss {
 public:
  virtual ~CompressionLoss() = default;
  virtual at::Tensor forward();
  // Before forward(), where several processes share a batch: what a loss that is a mean over the batch's samples is to
  // multiply itself by, so that its mean over the processes is the mean over all samples. The default is for losses
  // that do not depend on the batch.
  virtual void set_sample_weight(double weight);
  virtual Statistics statistics() const;
};

}  // namespace pare

#endif  // PARE_LOSSES_COMPRESSION_LOSS_H_
