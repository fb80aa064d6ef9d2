// ops/filter_importance.h: how much each filter of a weight matters, for pruning the least.
//
//   at::Tensor importance = filter_l2_norms(conv_weight, /*axis=*/0);   // float32, [filters]
//
// Formulas: METHODS, Filter pruning. weight: any shape and strides, floating; computed in float32 with the sums of
// backends/kernel_backend.h (a magnitude above 1.8e19 makes an L2 norm or a distance infinite). axis: the dimension
// that counts the filters. A filter's elements are all that have its index there. Each result is float32, [filters],
// where the weight is, and NaN for a filter that holds a NaN; on CUDA nothing waits. Nothing here is differentiable.
// Throws c10::Error for anything else.

#ifndef PARE_OPS_FILTER_IMPORTANCE_H_
#define PARE_OPS_FILTER_IMPORTANCE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pare::ops {

// The sum of |w|.
at::Tensor filter_l1_norms(const at::Tensor& weight, int64_t axis);

// sqrt(sum of w^2).
at::Tensor filter_l2_norms(const at::Tensor& weight, int64_t axis);

// The sum of the L2 distances to the other filters: the least is the closest to the geometric median, so the others can
// stand in for it best (He et al. 2019, arXiv:1811.00250). A NaN in one filter shows in all. Takes memory for
// one more float copy of the weight and for filters * filters floats, on CUDA for as many doubles, too.
at::Tensor filter_distance_sums(const at::Tensor& weight, int64_t axis);

}  // namespace pare::ops

#endif  // PARE_OPS_FILTER_IMPORTANCE_H_
