// ops/recomputed_input.h: training that does not keep what quantization can compute once more.
//
//   at::Tensor y = at::conv2d(fake_quantize_symmetric(x, ...), weight);
//   recompute_quantized_inputs(y);
//
// The backward pass of a convolution or of a linear layer keeps its input and weight. Where such a one is a result of
// ops/fake_quantize.h, whose own backward keeps what it was computed from, every activation is kept twice. After the
// call it is not: the backward pass runs the kernel again, which takes about as long as a copy and gives the same bits.
//
// Limits. What a layer kept for itself now depends on its quantizer, which is no different in a training step, but is
// in these cases:
//   - A backward pass through the quantizer frees what it keeps, unless it retains the graph. Where two layers share a
//     quantizer and the gradients of one are computed first, to the quantizer and beyond, those of the other one's
//     weight throw c10::Error afterwards. One backward pass through both is right, and so are two of which the first
//     retains the graph.
//   - The quantizer's x and parameters must not change before the backward pass. A change that autograd sees (mul_, an
//     optimizer's step) makes it throw c10::Error. One that it cannot see (through data_ptr(), or another framework
//     that shares the memory) makes the gradient of the layer's weight that of the new numbers, as it makes the
//     quantizer's own in any case.
//   - A change of the quantized tensor itself, which is an error otherwise, is not seen: the gradients are those of
//   what
//     the layer has read.

#ifndef PARE_OPS_RECOMPUTED_INPUT_H_
#define PARE_OPS_RECOMPUTED_INPUT_H_

#include <ATen/core/Tensor.h>

namespace pare::ops {

// `result`: what at::conv*, at::linear, at::addmm, at::mm or at::matmul has just returned. Does nothing for another
// operator's result (a matrix product of batches is one), and without gradients. Returns how many tensors are kept no
// longer: for a result that has been here before, or whose graph a backward pass has freed, 0, and nothing changes.
int recompute_quantized_inputs(const at::Tensor& result);

}  // namespace pare::ops

#endif  // PARE_OPS_RECOMPUTED_INPUT_H_
