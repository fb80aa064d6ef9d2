// ops/recomputed_input.h: training that does not keep what quantization can compute once more.
//
//   at::Tensor y = at::conv2d(fake_quantize_symmetric(x, ...), weight);
//   recompute_quantized_inputs(y);
//
// The backward pass of a convolution keeps its input and weight. Where such a one is a result of
// ops/fake_quantize.h, whose own backward keeps what it was computed from, every activation is kept twice. After the
// call it is not: the backward pass runs the kernel again, which takes about as long as a copy and gives the same bits.

#ifndef PARE_OPS_RECOMPUTED_INPUT_H_
#define PARE_OPS_RECOMPUTED_INPUT_H_

#include <ATen/core/Tensor.h>

namespace pare::ops {

// `result`: what at::conv* has just returned; once for each. Does nothing for another operator's result, and without
// gradients. Returns how many tensors are kept no longer.
int recompute_quantized_inputs(const at::Tensor& result);

}  // namespace pare::ops

#endif  // PARE_OPS_RECOMPUTED_INPUT_H_
