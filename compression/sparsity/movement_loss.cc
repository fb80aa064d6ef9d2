#include "compression/sparsity/movement_loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>

namespace pare::sparsity {

at::Tensor MovementLoss::mean_importance() const {
  at::Tensor sum;
  for (const graph::Value* scores : scores_) {
    const at::Tensor mean = scores->tensor().sigmoid().mean();
    sum = sum.defined() ? sum.add(mean) : mean;
  }
  return sum.div(static_cast<double>(scores_.size()));
}

at::Tensor MovementLoss::forward() {
  if (factor_ == 0 || scores_.empty()) return {};
  return mean_importance().mul(factor_);
}

Statistics MovementLoss::statistics() const {
  Statistics statistics;
  if (scores_.empty()) return statistics;
  const at::NoGradGuard no_grad;
  statistics.set("factor", factor_);
  statistics.set("mean_importance", mean_importance().item<double>());
  return statistics;
}

void MovementLoss::release() {
  scores_.clear();
  factor_ = 0.0;
}

}  // namespace pare::sparsity
