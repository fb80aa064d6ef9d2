// ops/weight_groups.h: weights in a few bits, with a scale for each group of numbers along a row, and back.
//
//   const CompressedWeight compressed = compress_weight(weight, backends::WeightFormat::kInt4Symmetric, 128);
//   const at::Tensor again = decompress_weight(compressed, at::kFloat);   // Off by compressed.mean_squared_error.
//
// Formats: backends/weight_format.h; how scales and codes are chosen: backends/kernel_backend.h, quantize_groups.
// Tensors lie on the CPU or on CUDA, and results where what they are made from does.

#ifndef PARE_OPS_WEIGHT_GROUPS_H_
#define PARE_OPS_WEIGHT_GROUPS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "backends/weight_format.h"

namespace pare::ops {

// A weight of [rows, columns]; groups = columns / group_size, rounded up.
struct CompressedWeight {
  backends::WeightFormat format = backends::WeightFormat::kInt4Symmetric;
  int64_t group_size = 1;
  int64_t columns = 0;
  at::Tensor codes;               // uint8 [rows, row_bytes()].
  at::Tensor scales;              // float32 [rows, groups].
  at::Tensor zero_points;         // uint8 [rows, groups] for kInt4Asymmetric, else undefined.
  double mean_squared_error = 0;  // Over all of the weight's numbers; 0 where there are none.
};

// weight: two dimensions, float32, float16 or bfloat16 (others are converted to float32 first), any strides.
// group_size >= 1. Waits on CUDA, as the error and what is refused are the host's. Throws c10::Error for anything else,
// and if the weight holds a NaN, an infinity, or a magnitude above backends::kGreatestGroupMagnitude.
CompressedWeight compress_weight(const at::Tensor& weight, backends::WeightFormat format, int64_t group_size);

// A weight of [rows, columns]. dtype: float32, float16 or bfloat16. Throws c10::Error if the parts do not belong
// together, or are on several devices.
at::Tensor decompress_weight(const CompressedWeight& compressed, at::ScalarType dtype);

}  // namespace pare::ops

#endif  // PARE_OPS_WEIGHT_GROUPS_H_
