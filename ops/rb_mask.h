// ops/rb_mask.h: weights under random masks whose probabilities are learned.
//
//   const at::Tensor y = rb_sparsify(weight, logits, seed, draw, /*training=*/true);  // Another draw for each forward.
//   const at::Tensor active = rb_active_count(logits);
//   const at::Tensor excess = active / logits.numel() - density;   // Of the loss, excess^2 / p^2.
//
// METHODS, rb_sparsity (Louizos et al. 2018, arXiv:1712.01312): a weight stays with probability sigmoid(logit).
//   training:   mask = [sigmoid(logit + log(u / (1 - u))) > 1/2], u uniform in [1e-6, 1 - 1e-6]
//   otherwise:  mask = [sigmoid(logit) > 1/2]
//   y = weight where the mask is 1, else 0;  d weight = dy where the mask is 1, else 0;  d logits = dy * weight
// u is a function of seed, draw and the element's place in the weight's logical (row-major) order alone
// (backends/philox.h): the same on every machine, with any number of threads, in any memory format. A NaN logit
// removes.
//
// weight and logits: one shape, any strides, floating, on the CPU or on one CUDA device, where nothing waits; computed
// in float32, y rounded once to weight's type, gradients to their tensors'. Backward keeps weight and mask;
// differentiable once. Throws c10::Error for anything else.

#ifndef PARE_OPS_RB_MASK_H_
#define PARE_OPS_RB_MASK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pare::ops {

at::Tensor rb_sparsify(const at::Tensor& weight, const at::Tensor& logits, uint64_t seed, uint64_t draw, bool training);

// How many logits have sigmoid(logit) > 1/2: float64, of no dimension, where they are. The derivative by each logit is
// taken as 1.
at::Tensor rb_active_count(const at::Tensor& logits);

}  // namespace pare::ops

#endif  // PARE_OPS_RB_MASK_H_
