#include "compression/sparsity/rb_loss.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>

#include "ops/rb_mask.h"

namespace pare::sparsity {
namespace {

// ((active / size - density) / p)^2.
at::Tensor squared_excess(const at::Tensor& active, int64_t size, double density) {
  return active.div(static_cast<double>(size)).sub(density).div(RbLoss::kP).square();
}

}  // namespace

at::Tensor RbLoss::forward() {
  if (!is_enabled_ || logits_.empty()) return {};
  at::Tensor sum;
  int64_t size = 0;
  for (const graph::Value* value : logits_) {
    const at::Tensor& logits = value->tensor();
    at::Tensor term = ops::rb_active_count(logits);
    if (is_local_) term = squared_excess(term, logits.numel(), 1 - level_);
    sum = sum.defined() ? at::add(sum, term) : term;
    size += logits.numel();
  }
  const at::Tensor loss =
      is_local_ ? sum.div(static_cast<double>(logits_.size())) : squared_excess(sum, size, 1 - level_);
  return loss.to(at::kFloat);
}

void RbLoss::release() {
  released_sparsity_ = current_sparsity();
  logits_.clear();
}

double RbLoss::current_sparsity() const {
  if (logits_.empty()) return released_sparsity_;
  const at::NoGradGuard no_grad;
  double active = 0, size = 0;
  for (const graph::Value* value : logits_) {
    active += ops::rb_active_count(value->tensor()).item<double>();
    size += static_cast<double>(value->tensor().numel());
  }
  return size == 0 ? released_sparsity_ : 1 - active / size;
}

Statistics RbLoss::statistics() const {
  Statistics statistics;
  statistics.set("current_sparsity", current_sparsity());
  statistics.set("target_level", level_);
  return statistics;
}

}  // namespace pare::sparsity
