#include "ops/range_gradients.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/where.h>

#include <cmath>

#include "ops/channel_arithmetic.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

float sign_of(float parameter) { return parameter < 0 ? -1.0f : 1.0f; }

// sign_of(parameter) * numbers.
at::Tensor with_sign_of(const at::Tensor& parameter, const at::Tensor& numbers) {
  return at::where(parameter.lt(0), numbers.neg(), numbers);
}

}  // namespace

at::Tensor symmetric_scale_gradient(const QuantizerSums& sums, const ChannelGrid& grid, const at::Tensor& scale,
                                    int64_t level_low, int64_t level_high, bool exact) {
  const double low_ratio = static_cast<double>(level_low) / static_cast<double>(level_high);
  if (!computes_on_host(scale)) {
    const at::Tensor width = exact ? divided(grid.range, 1 - low_ratio) : grid.range;
    const at::Tensor below = sums.below.to(at::kDouble).mul(low_ratio);
    return with_sign_of(scale, sums.inside.to(at::kDouble).div(width).add(sums.above).add(below)).to(at::kFloat);
  }
  const at::Tensor gradient = at::empty_like(scale);
  for (int64_t channel = 0; channel < scale.numel(); ++channel) {
    const double range = data_of<double>(grid.range)[channel];
    const double sum = data_of(sums.inside)[channel] / (exact ? range / (1 - low_ratio) : range) +
                       data_of(sums.above)[channel] + low_ratio * data_of(sums.below)[channel];
    mutable_data_of(gradient)[channel] = static_cast<float>(sign_of(data_of(scale)[channel]) * sum);
  }
  return gradient;
}

// The range is [min(low, 0), max(low + range, 0)]: where zero takes the place of an end, that end stays.
AsymmetricGradients asymmetric_range_gradients(const QuantizerSums& sums, const ChannelGrid& grid,
                                               const at::Tensor& input_low, const at::Tensor& input_range, double eps,
                                               bool exact) {
  if (!computes_on_host(input_low)) {
    const at::Tensor above = sums.above.to(at::kDouble);
    const at::Tensor d_range = sums.inside.to(at::kDouble).div(grid.range).add(above);
    const at::Tensor d_low = above.add(sums.below).sub(d_range), signed_range = with_sign_of(input_range, d_range);
    if (!exact) return {d_low.add(d_range).to(at::kFloat), signed_range.to(at::kFloat)};
    // Not gt() and its negation: a NaN moves nothing.
    const at::Tensor low_stays = input_low.le(0).logical_not();
    const at::Tensor high = input_low.to(at::kDouble).add(input_range.abs()).add(eps);
    const at::Tensor high_stays = high.ge(0).logical_not();
    return {d_low.masked_fill(low_stays, 0).add(d_range.masked_fill(high_stays, 0)).to(at::kFloat),
            signed_range.masked_fill(high_stays, 0).to(at::kFloat)};
  }
  const AsymmetricGradients gradients{at::empty_like(input_low), at::empty_like(input_range)};
  for (int64_t channel = 0; channel < input_low.numel(); ++channel) {
    const float low = data_of(input_low)[channel], range = data_of(input_range)[channel];
    const float above = data_of(sums.above)[channel];
    const double d_range = data_of(sums.inside)[channel] / data_of<double>(grid.range)[channel] + above;
    const double d_low = double{above} + data_of(sums.below)[channel];
    const bool low_moves = !exact || low <= 0;
    const bool high_moves = !exact || double{low} + std::fabs(range) + eps >= 0;
    mutable_data_of(gradients.input_low)[channel] =
        static_cast<float>((low_moves ? d_low - d_range : 0) + (high_moves ? d_range : 0));
    mutable_data_of(gradients.input_range)[channel] = static_cast<float>(high_moves ? sign_of(range) * d_range : 0);
  }
  return gradients;
}

}  // namespace pare::ops
