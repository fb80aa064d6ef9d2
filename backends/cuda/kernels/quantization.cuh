// kernels/quantization.cuh: rounding to the levels of a channel, as in fake_quantize_forward of kernel_backend.h.

#ifndef PARE_BACKENDS_CUDA_KERNELS_QUANTIZATION_CUH_
#define PARE_BACKENDS_CUDA_KERNELS_QUANTIZATION_CUH_

#include "backends/cuda/kernels/kernel.cuh"

namespace pare::backends::cuda {

struct Levels {
  float step, inverse_step, lowest, highest;

  PARE_DEVICE Levels(const Grid& grid, uint32_t channel)
      : step(grid.step[channel]),
        inverse_step(grid.inverse_step[channel]),
        lowest(grid.lowest[channel]),
        highest(grid.highest[channel]) {}

  // clamp(round(x * inverse_step), lowest, highest); NaN for NaN.
  PARE_DEVICE float nearest(float x) const {
    const float level = rintf(x * inverse_step);
    return level < lowest ? lowest : level > highest ? highest : level;
  }
  PARE_DEVICE float quantized(float x) const { return nearest(x) * step + 0.0f; }
  PARE_DEVICE bool is_above(float x) const { return x > step * highest; }
  PARE_DEVICE bool is_below(float x) const { return x < step * lowest; }
};

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_QUANTIZATION_CUH_
