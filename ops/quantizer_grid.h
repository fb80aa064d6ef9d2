// ops/quantizer_grid.h: from a quantizer's learned parameters to the levels that its kernel rounds to, and to the scale
// and zero point that a file names them by.
//
//   QuantizerGrid grid = symmetric_grid({0.5f}, -128, 127, 1e-16);   // step 0.5 / 127
//   AffineParameters parameters = affine_parameters(grid);           // scale {0.5 / 127}, zero_point {0}
//
// Symmetric (METHODS, Quantization): S = |scale| + eps, the range is [S * level_low / level_high, S], the step
// S / level_high. Asymmetric: the range is [input_low, input_low + |input_range| + eps], widened to hold zero, then
// moved at one end so that zero is exactly a level: with n = levels - 1 and zp = round(-low * n / (high - low)), high
// becomes (zp - n) / zp * low (if zp > 0) or low becomes zp / (zp - n) * high (if zp < n), whichever leaves the wider
// range. Everything is computed in double precision and rounded to float once; the step is at least the least normal
// float, so that its reciprocal is finite. A parameter that is NaN or infinite makes its channel's step so.

#ifndef PARE_OPS_QUANTIZER_GRID_H_
#define PARE_OPS_QUANTIZER_GRID_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "backends/kernel_backend.h"

namespace pare::ops {

// One number a channel in each array.
struct QuantizerGrid {
  std::vector<float> step, inverse_step, lowest, highest;
  std::vector<double> range;  // High end minus low end.
  // The codes of the lowest and the highest level, the same for all channels, and of zero, one a channel.
  int64_t code_low = 0, code_high = 0;
  std::vector<double> zero_code;

  backends::QuantizationGrid view() const { return {step.data(), inverse_step.data(), lowest.data(), highest.data()}; }
};

// level_low <= 0 < level_high, both of at most 2^23 in magnitude; codes are the levels: zero's is 0.
QuantizerGrid symmetric_grid(const std::vector<float>& scale, int64_t level_low, int64_t level_high, double eps);

// levels in [2, 2^23]; codes count from 0 to levels - 1. input_low and input_range have the same size.
QuantizerGrid asymmetric_grid(const std::vector<float>& input_low, const std::vector<float>& input_range,
                              int64_t levels, double eps);

// What ONNX's QuantizeLinear and DequantizeLinear, and at::fake_quantize_per_{tensor,channel}_affine with quant_min =
// code_low and quant_max = code_high, need to give the values of our forward. They do so exactly but where x / scale
// lies halfway between levels up to float's accuracy: ONNX divides by the scale where we multiply by its reciprocal,
// and ATen adds the zero point before it rounds, so that with an odd one halves go to the odd level.
struct AffineParameters {
  std::vector<float> scale;
  std::vector<int32_t> zero_point;
  int64_t code_low = 0, code_high = 0;
};

// Error: InvalidArgument, with the channel, if a step is NaN or infinite.
absl::StatusOr<AffineParameters> affine_parameters(const QuantizerGrid& grid);

}  // namespace pare::ops

#endif  // PARE_OPS_QUANTIZER_GRID_H_
