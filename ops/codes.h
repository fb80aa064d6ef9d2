// ops/codes.h: weights as the integers that an exported file stores, and back.
//
//   PARE_ASSIGN_OR_RETURN(AffineParameters parameters, affine_parameters(symmetric_grid(scales, -127, 127, eps)));
//   const Codes int8 = quantize_to_codes(weight, parameters, /*channel_axis=*/0);
//   const at::Tensor again = dequantize_codes(int8.codes, parameters, 0);
//
// Tensors lie on the CPU or on CUDA, and results where what they are made from does. Parameters and errors are the
// host's: on CUDA they are copied, and quantize_to_codes waits for the errors.

#ifndef PARE_OPS_CODES_H_
#define PARE_OPS_CODES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "ops/quantizer_grid.h"

namespace pare::ops {

struct Codes {
  at::Tensor codes;                       // int8 or uint8, contiguous.
  std::vector<float> mean_squared_error;  // Of each channel; NaN where it has no numbers.
};

// clamp(round(x / scale) + zero_point, code_low, code_high), int8 if code_low < 0, else uint8: the codes of what
// fake_quantize_* gives for x, of x's shape. channel_axis: -1 per tensor. Throws c10::Error if x holds a NaN, if the
// parameters are not one for each channel, or if the codes do not fit into 8 bits.
Codes quantize_to_codes(const at::Tensor& x, const AffineParameters& parameters, int64_t channel_axis);

// scale * (code - zero_point), float32, of the codes' shape, contiguous. Throws c10::Error if the codes are not int8 or
// uint8, or if the parameters are not one for each channel.
at::Tensor dequantize_codes(const at::Tensor& codes, const AffineParameters& parameters, int64_t channel_axis);

}  // namespace pare::ops

#endif  // PARE_OPS_CODES_H_
