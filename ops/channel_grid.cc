#include "ops/channel_grid.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "ops/channel_arithmetic.h"
#include "ops/quantizer_grid.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

template <typename Number>
at::Tensor tensor_of(const std::vector<Number>& numbers, at::ScalarType type) {
  const at::Tensor tensor = at::empty({static_cast<int64_t>(numbers.size())}, type);
  std::copy(numbers.begin(), numbers.end(), mutable_data_of<Number>(tensor));
  return tensor;
}

ChannelGrid grid_of(const QuantizerGrid& grid) {
  return {tensor_of(grid.step, at::kFloat), tensor_of(grid.inverse_step, at::kFloat),
          tensor_of(grid.lowest, at::kFloat), tensor_of(grid.highest, at::kFloat), tensor_of(grid.range, at::kDouble)};
}

std::vector<float> vector_of(const at::Tensor& numbers) {
  return {data_of(numbers), data_of(numbers) + numbers.numel()};
}

// All in float64. A NaN stays.
ChannelGrid grid_of(const at::Tensor& step, const at::Tensor& range, const at::Tensor& lowest,
                    const at::Tensor& highest) {
  const at::Tensor float_step = step.clamp_min(std::numeric_limits<float>::min()).to(at::kFloat);
  return {float_step, float_step.reciprocal(), lowest.to(at::kFloat), highest.to(at::kFloat), range};
}

}  // namespace

backends::QuantizationGrid ChannelGrid::view() const {
  return {data_of(step), data_of(inverse_step), data_of(lowest), data_of(highest)};
}

ChannelGrid symmetric_channel_grid(const at::Tensor& scale, int64_t level_low, int64_t level_high, double eps) {
  if (computes_on_host(scale)) return grid_of(symmetric_grid(vector_of(scale), level_low, level_high, eps));
  const double low = level_low, high = level_high;
  const at::Tensor top = scale.to(at::kDouble).abs().add(eps);
  return grid_of(divided(top, high), top.mul(1 - low / high), at::full({scale.numel()}, low, scale.options()),
                 at::full({scale.numel()}, high, scale.options()));
}

// tuned() of quantizer_grid.cc for all channels at once: zp is computed for each, and where() takes what holds for it.
ChannelGrid asymmetric_channel_grid(const at::Tensor& input_low, const at::Tensor& input_range, int64_t levels,
                                    double eps) {
  if (computes_on_host(input_low)) {
    return grid_of(asymmetric_grid(vector_of(input_low), vector_of(input_range), levels, eps));
  }
  const double n = static_cast<double>(levels - 1);
  const at::Tensor parameter_low = input_low.to(at::kDouble);
  const at::Tensor parameter_high = parameter_low.add(input_range.to(at::kDouble).abs()).add(eps);
  const at::Tensor is_infinite = at::isfinite(parameter_high).logical_not();
  // Not clamp(): which of two zeros it takes is not the same everywhere.
  const at::Tensor low = parameter_low.masked_fill(parameter_low.gt(0), 0);
  const at::Tensor high = parameter_high.masked_fill(parameter_high.lt(0), 0);
  // In [0, n] without a clamp: high - low is rounded to no less than -low, and the quotient to at most n(1 + 2^-51).
  const at::Tensor zp = low.neg().mul(n).div(high.sub(low)).round();
  const at::Tensor with_high_moved = zp.sub(n).div(zp).mul(low).sub(low);
  const at::Tensor with_low_moved = high.sub(zp.div(zp.sub(n)).mul(high));
  const at::Tensor range =
      at::where(zp.eq(0), high, at::where(zp.eq(n), low.neg(), at::maximum(with_high_moved, with_low_moved)))
          .masked_fill(is_infinite, std::numeric_limits<double>::quiet_NaN());
  const at::Tensor lowest = zp.neg().masked_fill(is_infinite, 0);
  return grid_of(divided(range, n), range, lowest, lowest.add(n));
}

}  // namespace pare::ops
