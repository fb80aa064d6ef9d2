#include "ops/range_statistics.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/channel_arithmetic.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

constexpr int64_t kMaximumBins = int64_t{1} << 23;
constexpr double kGreatest = std::numeric_limits<float>::max();

// float32, [channels].
struct Widths {
  at::Tensor width, inverse;
};

// Throws if a range is not one.
Widths checked_widths(const char* operation, const at::Tensor& lows, const at::Tensor& highs, int64_t bins) {
  const Widths widths{at::empty_like(lows), at::empty_like(lows)};
  for (int64_t channel = 0; channel < lows.numel(); ++channel) {
    const float low = data_of(lows)[channel], high = data_of(highs)[channel];
    TORCH_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high, operation,
                ": a finite range with low <= high is expected, but that of channel ", channel, " is [", low, ", ",
                high, "]");
    const double width = double{high} - low;
    const double inverse = std::min(static_cast<double>(bins) / width, kGreatest);
    mutable_data_of(widths.width)[channel] = static_cast<float>(width / static_cast<double>(bins));
    mutable_data_of(widths.inverse)[channel] = width == 0 ? 0.0f : static_cast<float>(inverse);
  }
  return widths;
}

// The same where the ranges lie, which does not look at them.
Widths widths_of(const at::Tensor& lows, const at::Tensor& highs, int64_t bins) {
  const double count = static_cast<double>(bins);
  const at::Tensor width = highs.to(at::kDouble).sub(lows);
  const at::Tensor inverse = at::full({}, count, width.options()).div(width).clamp_max(kGreatest);
  return {divided(width, count).to(at::kFloat), inverse.to(at::kFloat).masked_fill(width.eq(0), 0)};
}

}  // namespace

Extremes min_max(const at::Tensor& x, int64_t channel_axis) {
  const at::Tensor dense = dense_values("min_max", x, channel_axis);
  const int64_t channels = channels_of(dense, channel_axis);
  const Extremes extremes{empty_float32({channels}, dense.device()), empty_float32({channels}, dense.device())};
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kMinMax<T>, dense.device())(torch_execution(), layout_of(dense, channel_axis),
                                                                     data_of<T>(dense), mutable_data_of(extremes.min),
                                                                     mutable_data_of(extremes.max)));
  });
  return extremes;
}

at::Tensor abs_max(const at::Tensor& x, int64_t channel_axis) {
  const at::Tensor dense = dense_values("abs_max", x, channel_axis);
  const at::Tensor result = empty_float32({channels_of(dense, channel_axis)}, dense.device());
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kAbsMax<T>, dense.device())(torch_execution(), layout_of(dense, channel_axis),
                                                                     data_of<T>(dense), mutable_data_of(result)));
  });
  return result;
}

Moments mean_variance(const at::Tensor& x, int64_t channel_axis) {
  const at::Tensor dense = dense_values("mean_variance", x, channel_axis);
  const int64_t channels = channels_of(dense, channel_axis);
  const Moments moments{empty_float32({channels}, dense.device()), empty_float32({channels}, dense.device())};
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kMeanVariance<T>, dense.device())(
        torch_execution(), layout_of(dense, channel_axis), data_of<T>(dense), mutable_data_of(moments.mean),
        mutable_data_of(moments.variance)));
  });
  return moments;
}

at::Tensor empty_histogram(int64_t channels, int64_t bins, at::Device device) {
  TORCH_CHECK(channels >= 0 && bins >= 1 && bins <= kMaximumBins,
              "empty_histogram: 1 to 2^23 bins of no negative number of channels are expected, but they are ", bins,
              " of ", channels);
  return at::zeros({channels, bins + 2}, at::TensorOptions(at::kLong).device(device));
}

void add_to_histogram(const at::Tensor& x, int64_t channel_axis, const at::Tensor& low, const at::Tensor& high,
                      const at::Tensor& counts) {
  constexpr char kName[] = "add_to_histogram";
  const at::Tensor dense = dense_values(kName, x, channel_axis);
  const int64_t channels = channels_of(dense, channel_axis);
  TORCH_CHECK(counts.defined() && counts.dim() == 2 && counts.size(0) == channels && counts.size(1) >= 3 &&
                  counts.size(1) <= kMaximumBins + 2 && counts.scalar_type() == at::kLong && counts.is_contiguous(),
              kName, ": counts of ", channels, " channels are expected, as empty_histogram makes them");
  check_device(kName, dense, "counts", counts);
  const int64_t bins = counts.size(1) - 2;
  const at::Tensor lows = channel_parameters(kName, dense, "low", low, channels);
  const at::Tensor highs = channel_parameters(kName, dense, "high", high, channels);
  const Widths widths =
      computes_on_host(lows) ? checked_widths(kName, lows, highs, bins) : widths_of(lows, highs, bins);
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kHistogram<T>, dense.device())(
        torch_execution(), layout_of(dense, channel_axis), data_of<T>(dense),
        {data_of(lows), data_of(highs), data_of(widths.width), data_of(widths.inverse), bins},
        mutable_data_of<int64_t>(counts)));
  });
}

}  // namespace pare::ops
