// ops/codes.h: weights as the integers that an exported file stores.
//
//   PARE_ASSIGN_OR_RETURN(AffineParameters parameters, affine_parameters(symmetric_grid(scales, -127, 127, eps)));
//   at::Tensor int8 = quantize_to_codes(weight, parameters, /*channel_axis=*/0);

#ifndef PARE_OPS_CODES_H_
#define PARE_OPS_CODES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ops/quantizer_grid.h"

namespace pare::ops {

// clamp(round(x / scale) + zero_point, code_low, code_high), int8 if code_low < 0, else uint8: the codes of what
// fake_quantize_* gives for x, of x's shape, contiguous. channel_axis: -1 per tensor. Throws c10::Error if x holds a
// NaN, if the parameters are not one for each channel, or if the codes do not fit into 8 bits.
at::Tensor quantize_to_codes(const at::Tensor& x, const AffineParameters& parameters, int64_t channel_axis);

}  // namespace pare::ops

#endif  // PARE_OPS_CODES_H_
