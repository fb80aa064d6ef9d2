// ops/binarize.h: binarization of convolutions that training can look through: weights become two numbers, activations
// zero or one number.
//
//   at::Tensor w = binarize_weights_xnor(weight, /*channel_axis=*/0);
//   at::Tensor a = binarize_activations(x, scale, threshold, /*channel_axis=*/1);
//   loss(conv(a, w)).backward();   // weight.grad(), x.grad(), scale.grad() and threshold.grad()
//
// Formulas: METHODS, Binarization; comparisons and the three sums of the backward pass: backends/kernel_backend.h. With
// g the gradient of y:
//   weights      y = scale of the channel * (1 where w > 0, else -1); dw = g: sign and scale count as constants
//     xnor       scale = mean |w| of each channel (Rastegari et al. 2016, arXiv:1603.05279, eq. 6)
//     dorefa     scale = mean |w| of all of w (Zhou et al. 2016, arXiv:1606.06160)
//   activations  y = scale where x > scale * threshold of the channel, else 0
//                dx = g where 0 <= x <= scale, else 0
//                d scale = sum g * {(y - x) / scale where x <= scale, else 1}
//                d threshold = -sum of g where 0 < x < scale, over the channel
//
// w and x: any shape, any strides, floating; y and the gradients are of their type. All is computed in float32: half
// precision is rounded once at the end, float64 is converted before and back after. A NaN in w or x is a NaN in y; one
// in w makes the scale that it belongs to NaN. Without gradients nothing is kept. Differentiable once. Throws
// c10::Error for anything else: other numbers of parameters, integers, tensors that are not all on the CPU or all on
// one CUDA device. On CUDA nothing is copied to the host, and nothing waits.

#ifndef PARE_OPS_BINARIZE_H_
#define PARE_OPS_BINARIZE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pare::ops {

// channel_axis: a dimension of w.
at::Tensor binarize_weights_xnor(const at::Tensor& w, int64_t channel_axis);

at::Tensor binarize_weights_dorefa(const at::Tensor& w);

// scale: one number; it is expected above 0, and of 0 its gradient is NaN. threshold: one number for each
// of x.size(channel_axis) channels, or one with channel_axis = -1. Both in any shape, which the gradient has too.
at::Tensor binarize_activations(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& threshold,
                                int64_t channel_axis);

}  // namespace pare::ops

#endif  // PARE_OPS_BINARIZE_H_
