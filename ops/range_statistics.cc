#include "ops/range_statistics.h"

#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

constexpr int64_t kMaximumBins = int64_t{1} << 23;

}  // namespace

Extremes min_max(const at::Tensor& x, int64_t channel_axis) {
  const at::Tensor dense = dense_values("min_max", x, channel_axis);
  const int64_t channels = channels_of(dense, channel_axis);
  const Extremes extremes{empty_float32({channels}), empty_float32({channels})};
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kMinMax<T>)(torch_execution(), layout_of(dense, channel_axis),
                                                     data_of<T>(dense), mutable_data_of(extremes.min),
                                                     mutable_data_of(extremes.max)));
  });
  return extremes;
}

at::Tensor abs_max(const at::Tensor& x, int64_t channel_axis) {
  const at::Tensor dense = dense_values("abs_max", x, channel_axis);
  const at::Tensor result = empty_float32({channels_of(dense, channel_axis)});
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kAbsMax<T>)(torch_execution(), layout_of(dense, channel_axis),
                                                     data_of<T>(dense), mutable_data_of(result)));
  });
  return result;
}

Moments mean_variance(const at::Tensor& x, int64_t channel_axis) {
  const at::Tensor dense = dense_values("mean_variance", x, channel_axis);
  const int64_t channels = channels_of(dense, channel_axis);
  const Moments moments{empty_float32({channels}), empty_float32({channels})};
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kMeanVariance<T>)(torch_execution(), layout_of(dense, channel_axis),
                                                           data_of<T>(dense), mutable_data_of(moments.mean),
                                                           mutable_data_of(moments.variance)));
  });
  return moments;
}

at::Tensor empty_histogram(int64_t channels, int64_t bins) {
  TORCH_CHECK(channels >= 0 && bins >= 1 && bins <= kMaximumBins,
              "empty_histogram: 1 to 2^23 bins of no negative number of channels are expected, but they are ", bins,
              " of ", channels);
  return at::zeros({channels, bins + 2}, at::kLong);
}

void add_to_histogram(const at::Tensor& x, int64_t channel_axis, const at::Tensor& low, const at::Tensor& high,
                      const at::Tensor& counts) {
  constexpr char kName[] = "add_to_histogram";
  const at::Tensor dense = dense_values(kName, x, channel_axis);
  const int64_t channels = channels_of(dense, channel_axis);
  TORCH_CHECK(counts.defined() && counts.dim() == 2 && counts.size(0) == channels && counts.size(1) >= 3 &&
                  counts.size(1) <= kMaximumBins + 2 && counts.scalar_type() == at::kLong && counts.is_contiguous() &&
                  counts.device().is_cpu(),
              kName, ": counts of ", channels, " channels are expected, as empty_histogram makes them");
  const int64_t bins = counts.size(1) - 2;
  const std::vector<float> lows = channel_parameters(kName, "low", low, channels);
  const std::vector<float> highs = channel_parameters(kName, "high", high, channels);
  std::vector<float> widths, inverse_widths;
  for (int64_t channel = 0; channel < channels; ++channel) {
    TORCH_CHECK(std::isfinite(lows[channel]) && std::isfinite(highs[channel]) && lows[channel] <= highs[channel], kName,
                ": a finite range with low <= high is expected, but that of channel ", channel, " is [", lows[channel],
                ", ", highs[channel], "]");
    const double width = double{highs[channel]} - lows[channel];
    const double inverse = std::min<double>(static_cast<double>(bins) / width, std::numeric_limits<float>::max());
    widths.push_back(static_cast<float>(width / static_cast<double>(bins)));
    inverse_widths.push_back(width == 0 ? 0.0f : static_cast<float>(inverse));
  }
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(
        kernel_for(backends::kHistogram<T>)(torch_execution(), layout_of(dense, channel_axis), data_of<T>(dense),
                                            {lows.data(), highs.data(), widths.data(), inverse_widths.data(), bins},
                                            static_cast<int64_t*>(counts.data_ptr())));
  });
}

}  // namespace pare::ops
