// ops/fake_quantize.h: quantization with learned ranges that training can look through: rounds to levels in the
// forward, and has gradients for its input and for its range.
//
//   at::Tensor y = fake_quantize_symmetric(x, scale, -128, 127, /*channel_axis=*/-1, 1e-16, GradientRule::kExact);
//   loss(y).backward();   // x.grad() and scale.grad()
//
// Formulas: METHODS, Quantization; the levels: ops/quantizer_grid.h; rounding and the three sums of the backward pass:
// backends/kernel_backend.h. With g the gradient of y, and low and high the ends of the range:
//   dx = g where low <= x <= high, else 0
//   symmetric, kExact: d scale = sign(scale) * sum g * {(y - x) / S inside, 1 above, level_low / level_high below}
//   symmetric, kNncf:  the same with (y - x) / (high - low) inside, half of it when signed: what NNCF computes
//   asymmetric: d input_range = sign(input_range) * sum g * {(y - x) / (high - low) inside, 1 above, 0 below},
//               d input_low = sum g outside. Rounding of the zero point is taken as the identity, and so is, in kNncf,
//               widening the range to hold zero; kExact differentiates through it.
// sign(0) is 1, so that a range can leave zero.
//
// x: any shape, any strides, floating; y and dx are of its type. All is computed in float32: half precision is rounded
// once at the end, float64 is converted before and back after. A NaN in x is a NaN in y, and in the gradient of the
// range. The parameters: one number for each of x.size(channel_axis) channels, or one with channel_axis = -1; any
// shape, which the gradient has too. Backward keeps x and the parameters; without gradients nothing is kept.
// Differentiable once. An operator that keeps y for its own backward doubles what is kept of this activation: see
// ops/recomputed_input.h. Throws c10::Error for anything else: other numbers of parameters, integers, tensors that are
// not all on the CPU or all on one CUDA device. On CUDA nothing is copied to the host, and nothing waits. What the
// parameters hold is never refused: one that is NaN or infinite shows in its channel of y.

#ifndef PARE_OPS_FAKE_QUANTIZE_H_
#define PARE_OPS_FAKE_QUANTIZE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace torch::autograd {
struct Node;
}  // namespace torch::autograd

namespace pare::ops {

enum class GradientRule { kExact, kNncf };

// level_low <= 0 < level_high, of at most 2^23 in magnitude; eps >= 0 keeps the range above zero.
at::Tensor fake_quantize_symmetric(const at::Tensor& x, const at::Tensor& scale, int64_t level_low, int64_t level_high,
                                   int64_t channel_axis, double eps, GradientRule rule);

// levels in [2, 2^23]. The range is moved a little so that zero is exactly a level.
at::Tensor fake_quantize_asymmetric(const at::Tensor& x, const at::Tensor& input_low, const at::Tensor& input_range,
                                    int64_t levels, int64_t channel_axis, double eps, GradientRule rule);

// Whether `node` is y.grad_fn() of a float32, float16 or bfloat16 x.
bool is_fake_quantize(const torch::autograd::Node& node);

// That y once more, to the same bits, from what its backward keeps. Undefined for any other node. Throws c10::Error
// once that backward has run.
at::Tensor recompute_fake_quantize(const torch::autograd::Node& node);

}  // namespace pare::ops

#endif  // PARE_OPS_FAKE_QUANTIZE_H_
