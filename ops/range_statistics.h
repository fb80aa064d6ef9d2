// ops/range_statistics.h: what an initializer of quantization ranges needs to know of a tensor, without a copy of it.
//
//   Extremes extremes = min_max(activation, /*channel_axis=*/1);
//   at::Tensor counts = empty_histogram(extremes.min.numel(), 2048);
//   add_to_histogram(activation, 1, extremes.min, extremes.max, counts);  // again for each sample
//
// x: any shape and strides, floating; computed in float32. channel_axis: a dimension of x, or -1 for all of it as one
// channel. Nothing here is differentiable. x lies on the CPU or on CUDA; all else is there too, and nothing
// waits. Throws c10::Error for anything else.

#ifndef PARE_OPS_RANGE_STATISTICS_H_
#define PARE_OPS_RANGE_STATISTICS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace pare::ops {

// float32, [channels].
struct Extremes {
  at::Tensor min, max;
};

// NaN for a channel that holds one, (infinity, -infinity) for one without numbers.
Extremes min_max(const at::Tensor& x, int64_t channel_axis);

// The greatest magnitude, float32, [channels]: NaN for a channel that holds one, 0 for one without numbers.
at::Tensor abs_max(const at::Tensor& x, int64_t channel_axis);

// float32, [channels]: the mean of each channel's numbers, and the mean of the squared distances to it (divided by
// their number, not by one less); NaN for a channel without numbers.
struct Moments {
  at::Tensor mean, variance;
};
Moments mean_variance(const at::Tensor& x, int64_t channel_axis);

// Zeros, int64, [channels, bins + 2]. bins in [1, 2^23].
at::Tensor empty_histogram(int64_t channels, int64_t bins, at::Device device = at::kCPU);

// Counts x in counts.size(1) - 2 equal bins over [low, high] of each channel (bin b is counts[:, b + 1]), what lies
// below in counts[:, 0] and above in counts[:, -1]; a NaN is not counted. low and high: finite, [channels], low <=
// high. counts: as empty_histogram makes them. On CUDA, where looking would mean to wait, a range that is not so is not
// refused: the counts of its channel then mean nothing.
void add_to_histogram(const at::Tensor& x, int64_t channel_axis, const at::Tensor& low, const at::Tensor& high,
                      const at::Tensor& counts);

}  // namespace pare::ops

#endif  // PARE_OPS_RANGE_STATISTICS_H_
