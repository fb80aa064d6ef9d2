// ops/sparsity_masks.h: which weights stay and which become zero, and how many are zero.
//
//   const at::Tensor mask = magnitude_mask(weight, threshold, /*scale=*/1 / norm);
//   at::Tensor y = apply_mask(weight, mask);   // y.backward(): weight.grad() is zero where the mask is
//   const double level = sparsity_level(y);
//
// Formulas: METHODS, Sparsity; backends/kernel_backend.h. A mask is an at::kBool tensor of the shape of what it masks,
// true where a number stays. x: any shape and strides, floating, on the CPU or on CUDA, and its mask there too; it is
// looked at in float32. Masks and counts are not differentiable. On CUDA counts are waited for, and nothing else is.
// Throws c10::Error for anything else.

#ifndef PARE_OPS_SPARSITY_MASKS_H_
#define PARE_OPS_SPARSITY_MASKS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pare::ops {

// True where |x| * scale > threshold, and where x is NaN.
at::Tensor magnitude_mask(const at::Tensor& x, double threshold, double scale);

// True for the n greatest magnitudes of each m that follow each other along the axis, of equal ones for the first; a
// NaN is the greatest. A last group of fewer than m keeps n of them, too. 1 <= n <= m <= 32; axis: a dimension of x.
at::Tensor n_of_m_mask(const at::Tensor& x, int64_t n, int64_t m, int64_t axis);

// x where the mask is true, else 0, whatever x is there; of x's type. dx = dy where the mask is true, else 0. Keeps the
// mask alone; differentiable as often as wanted.
at::Tensor apply_mask(const at::Tensor& x, const at::Tensor& mask);

// How many numbers of x are zero, of either sign.
int64_t count_zeros(const at::Tensor& x);

// Their share of x's numbers, in [0, 1]; 0 if it has none.
double sparsity_level(const at::Tensor& x);

}  // namespace pare::ops

#endif  // PARE_OPS_SPARSITY_MASKS_H_
