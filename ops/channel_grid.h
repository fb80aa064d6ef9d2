// ops/channel_grid.h: the levels of ops/quantizer_grid.h where kernels look for them: as tensors on the device of the
// parameters that they are computed from, to the same bits on each. Internal to ops/.
//
//   const ChannelGrid grid = symmetric_channel_grid(scale, -128, 127, 1e-16);
//   status = table.fake_quantize_forward(execution, layout, x, grid.view(), y);

#ifndef PARE_OPS_CHANNEL_GRID_H_
#define PARE_OPS_CHANNEL_GRID_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "backends/kernel_backend.h"

namespace pare::ops {

// One number a channel in each.
struct ChannelGrid {
  at::Tensor step, inverse_step, lowest, highest;  // float32.
  at::Tensor range;                                // float64: high end minus low end.

  backends::QuantizationGrid view() const;
};

// The parameters: float32, [channels], contiguous. The other arguments are those of symmetric_grid and asymmetric_grid.
ChannelGrid symmetric_channel_grid(const at::Tensor& scale, int64_t level_low, int64_t level_high, double eps);

ChannelGrid asymmetric_channel_grid(const at::Tensor& input_low, const at::Tensor& input_range, int64_t levels,
                                    double eps);

}  // namespace pare::ops

#endif  // PARE_OPS_CHANNEL_GRID_H_
