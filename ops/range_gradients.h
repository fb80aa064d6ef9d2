// ops/range_gradients.h: the gradients of a quantizer's parameters, from the sums that its kernel has made. Internal to
// ops/; the formulas stand in ops/fake_quantize.h.
//
//   gradient = symmetric_scale_gradient(sums, grid, scale, -128, 127, /*exact=*/true);
//
// All on one device, to the same bits on each.

#ifndef PARE_OPS_RANGE_GRADIENTS_H_
#define PARE_OPS_RANGE_GRADIENTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "ops/channel_grid.h"

namespace pare::ops {

// Those of backends::FakeQuantizeSums: float32, [channels].
struct QuantizerSums {
  at::Tensor inside, above, below;
};

// scale: float32, [channels], contiguous; so is the result. exact: GradientRule::kExact, else kNncf.
at::Tensor symmetric_scale_gradient(const QuantizerSums& sums, const ChannelGrid& grid, const at::Tensor& scale,
                                    int64_t level_low, int64_t level_high, bool exact);

// The same for both parameters of an asymmetric range.
struct AsymmetricGradients {
  at::Tensor input_low, input_range;
};
AsymmetricGradients asymmetric_range_gradients(const QuantizerSums& sums, const ChannelGrid& grid,
                                               const at::Tensor& input_low, const at::Tensor& input_range, double eps,
                                               bool exact);

}  // namespace pare::ops

#endif  // PARE_OPS_RANGE_GRADIENTS_H_
