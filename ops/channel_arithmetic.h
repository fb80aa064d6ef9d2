// ops/channel_arithmetic.h: the little arithmetic on one number a channel that stands beside the kernels: by loops on
// the host for CPU tensors, and by LibTorch's operators where the numbers lie for others, so that nothing waits for
// them. Internal to ops/.
//
//   if (computes_on_host(scale)) {
//     for (...) data[channel] = ...;
//   } else {
//     result = divided(scale.to(at::kDouble).abs(), 127).to(at::kFloat);
//   }
//
// Both give the same bits: additions, multiplications, divisions and conversions are rounded to the nearest on every
// device, so it takes the same ones in the same order. Two of LibTorch's operators need care for that: a division by a
// number, which it makes a multiplication by the reciprocal on CUDA, and add() with a factor, which it may round once.

#ifndef PARE_OPS_CHANNEL_ARITHMETIC_H_
#define PARE_OPS_CHANNEL_ARITHMETIC_H_

#include <ATen/core/Tensor.h>

namespace pare::ops {

// Whether loops on the host compute with these numbers: those of the CPU.
bool computes_on_host(const at::Tensor& numbers);

// For tests: while there is one, LibTorch's operators compute for CPU tensors as well, in the whole process.
class ScopedTensorArithmetic {
 public:
  ScopedTensorArithmetic();
  ScopedTensorArithmetic(const ScopedTensorArithmetic&) = delete;
  ScopedTensorArithmetic& operator=(const ScopedTensorArithmetic&) = delete;
  ~ScopedTensorArithmetic();
};

// x / divisor in x's type, rounded once on every device.
at::Tensor divided(const at::Tensor& x, double divisor);

// The sum of each row of a contiguous float32 [rows, columns], in float64 along a tree that their number alone fixes:
// the second half of the numbers is added to the first one until one is left. float64, [rows]; 0 without columns.
at::Tensor sums_of_rows(const at::Tensor& numbers);

}  // namespace pare::ops

#endif  // PARE_OPS_CHANNEL_ARITHMETIC_H_
