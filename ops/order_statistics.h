// ops/order_statistics.h: exact percentiles, medians and thresholds of tensors, without a sort and without a copy.
//
//   at::Tensor p99 = percentile(activation, /*channel_axis=*/1, 99);
//   at::Tensor deviation = median_absolute_deviation(activation, -1).deviation;
//   MagnitudeThreshold half = magnitude_threshold({conv1, conv2}, /*level=*/0.5, Importance::kNormedAbs);
//   at::Tensor mask2 = magnitude_mask(conv2, half.threshold, half.scales[1]);   // ops/sparsity_masks.h
//
// x: any shape and strides, floating; computed in float32. channel_axis: a dimension of x, or -1 for all of it as one
// channel. A NaN is greater than every number. Nothing here is differentiable. Throws c10::Error for anything else, for
// a channel without elements, and for weights on several devices. Found by counting: backends/selection.h.
//
// x lies on the CPU or on CUDA, and so do results that are tensors. Counts are looked at on the host: each of these
// waits.

#ifndef PARE_OPS_ORDER_STATISTICS_H_
#define PARE_OPS_ORDER_STATISTICS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace pare::ops {

// The number at each rank (0 is the least) of each channel, float32, [channels, ranks].
at::Tensor order_statistics(const at::Tensor& x, int64_t channel_axis, const std::vector<int64_t>& ranks);

// Between the two numbers around position (size - 1) * percent / 100, linearly, as at::quantile does. percent in
// [0, 100]. float32, [channels].
at::Tensor percentile(const at::Tensor& x, int64_t channel_axis, double percent);

// float32, [channels]: the median, the mean of the two middle numbers where there are two, and the median of the
// distances to it (MAD). without_zeros: each zero is left out, as if it were not there; both are NaN for a channel of
// nothing else.
struct MedianAndDeviation {
  at::Tensor median, deviation;
};
MedianAndDeviation median_absolute_deviation(const at::Tensor& x, int64_t channel_axis, bool without_zeros = false);

// How much a weight counts against those of other layers (METHODS, magnitude_sparsity): |w|, or |w| over the L2 norm of
// its layer.
enum class Importance { kAbs, kNormedAbs };

// What magnitude_mask() needs to keep of each weight what is above the threshold: with these numbers it computes each
// importance, |w| * scale, to the same bits as the threshold was found among, so that equal ones stay or go together.
struct MagnitudeThreshold {
  float threshold;
  std::vector<float> scales;  // One for each weight, in their order: 1 for kAbs, 1 over the weight's norm otherwise.
};

// The importance at index int((size - 1) * level) of all the weights' importances in order, over all the layers at
// once: what is greater than it is kept, so all but int((size - 1) * level) + 1 weights, and of those equal to the
// threshold none. level in [0, 1]. Weights of several types are looked at in float32, as apply_mask() would see them.
MagnitudeThreshold magnitude_threshold(const std::vector<at::Tensor>& weights, double level, Importance importance);

}  // namespace pare::ops

#endif  // PARE_OPS_ORDER_STATISTICS_H_
