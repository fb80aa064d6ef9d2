// backends/kernel_backend.h: the one list of kernels, each with its exact arithmetic, and what a backend is.
//
//   // A quantizer of 256 levels, one step for all of the tensor:
//   const float step = 0.5f, inverse_step = 1.0f / step, lowest = -128, highest = 127;
//   const QuantizationGrid grid{&step, &inverse_step, &lowest, &highest};
//   const Layout layout = Layout::per_tensor(n);
//   status = table.fake_quantize_forward(Execution(), layout, x, grid, y);
//
// A kernel is a pure function on dense tensors, seen as [outer, channels, inner] with inner the fastest: element i
// belongs to channel (i / inner) % channels. All pointers point to memory of the device that the backend's table was
// asked for (on the CPU: host memory), those of the per-channel arguments too, so that nothing waits for the host.
// Results that are single numbers, or one a channel, a backend for another device may also write to host memory: it
// says so, and then waits.
//
// T is float, Half or BFloat16 (backends/half.h). Every T is converted to float when it is read, all arithmetic is
// float's, and what is written is rounded to T once. Parameters, sums and statistics are float for each T.
//
// Every backend computes the same:
//   - Elementwise kernels, masks, codes and counts are bit-identical to backends/reference (a NaN may be any NaN). So:
//     rounding to the nearest integer takes halves to the even one, a division is a multiplication by a reciprocal that
//     was computed once, no a*b+c is contracted into one rounding, and exponentials and random numbers are those of
//     backends/exponential.h and backends/philox.h.
//   - Sums are made along a tree that the layout alone fixes: the same on every run and with every number of threads.
//     Their error is at most kSumTolerance times the sum of the terms' absolute values; a term is rounded to float.
//   - Denormal numbers are computed with, not flushed, unless the table says that its device cannot; a NaN in comes out
//     as a NaN.
//
// Preconditions that kernels do not check again: sizes not negative and their product in int64, pointers not null where
// there is an element, outputs overlapping no input (an output may be the input itself where the comment says so).
// Errors of a kernel: only what its device brings (Internal, Unavailable, ResourceExhausted); on the CPU none.
//
// To add a kernel: an entry in KernelTable and one file a backend, a check in backends/conformance, a benchmark.

#ifndef PARE_BACKENDS_KERNEL_BACKEND_H_
#define PARE_BACKENDS_KERNEL_BACKEND_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/device_memory.h"
#include "backends/half.h"
#include "backends/philox.h"
#include "backends/selection_key.h"
#include "backends/weight_format.h"

namespace pare::backends {

// The relative error that a kernel's sums may have, against the sum of the terms' absolute values.
inline constexpr double kSumTolerance = 1.0 / (1 << 16);

enum class DeviceKind { kCpu, kCuda, kVulkan };

// How a kernel is to run: on what threads. Carries what is the caller's, so that a kernel never starts threads of its
// own beside LibTorch's.
struct Execution {
  // Calls body(begin, end) for disjoint ranges that cover [begin, end), each of about `grain` indices or more, from
  // any threads, and returns when all are done. at::parallel_for is one.
  using Body = absl::FunctionRef<void(int64_t, int64_t)>;
  using ParallelFor = void (*)(int64_t begin, int64_t end, int64_t grain, Body body);

  ParallelFor parallel_for = [](int64_t begin, int64_t end, int64_t, Body body) {
    if (begin < end) body(begin, end);
  };
};

// How a dense tensor divides into channels.
struct Layout {
  int64_t outer = 1;
  int64_t channels = 1;
  int64_t inner = 0;

  static Layout per_tensor(int64_t size) { return {1, 1, size}; }
  int64_t size() const { return outer * channels * inner; }
};

// Where the levels of each channel lie: at step * q for the integers q in [lowest, highest], so zero is always a level.
// All four are arrays of layout.channels numbers. step > 0 and inverse_step finite; lowest <= 0 <= highest are integers
// of at most 2^23 in magnitude. A step of NaN or infinity makes all of its channel NaN.
struct QuantizationGrid {
  const float* step;
  const float* inverse_step;  // 1 / step
  const float* lowest;
  const float* highest;
};

// What the gradients of a quantizer's parameters are made of, an array of layout.channels each; see
// fake_quantize_backward.
struct FakeQuantizeSums {
  float* inside;
  float* above;
  float* below;
};

// Equal bins over [low, high] of each channel. All four are arrays of layout.channels numbers; low <= high; width =
// (high - low) / bins; inverse_width = 1 / width, or 0 where high == low.
struct HistogramBins {
  const float* low;
  const float* high;
  const float* width;
  const float* inverse_width;
  int64_t bins;  // in [1, 2^23]

  // How many counts there are a channel: the bins, and one before and one behind them for what lies outside.
  int64_t counts() const { return bins + 2; }
};

// What the gradients of binarized activations are made of, an array of layout.channels each; see
// binarize_activations_backward.
struct BinarizationSums {
  float* inside;
  float* above;
  float* between;
};

// What is ordered in a selection by counting: selection_key(v) of backends/selection_key.h, a uint32 that grows with v.
struct SelectionKeys {
  // v = x, or if `magnitude`, v = |x - center[c]| * scale[c], of which what is null is left out. Both are arrays of
  // layout.channels numbers, scale >= 0.
  bool magnitude = false;
  const float* center = nullptr;
  const float* scale = nullptr;
};

// v of the number x of a channel, on the host.
inline float selected_number(const SelectionKeys& keys, int64_t channel, float x) {
  if (!keys.magnitude) return x;
  const float magnitude = std::fabs(keys.center == nullptr ? x : x - keys.center[channel]);
  return keys.scale == nullptr ? magnitude : magnitude * keys.scale[channel];
}

// Bins of 2^shift keys each, from the key low[c] on: an array of layout.channels keys. bins * 2^shift <= 2^32.
struct KeyBins {
  const uint32_t* low;
  int shift;     // In [0, 31].
  int64_t bins;  // In [1, 2^16].

  // How many counts there are a channel: the bins, and one before and one behind them for what lies outside.
  int64_t counts() const { return bins + 2; }
};

// A backend's kernels for tensors of T on one device. One that the backend lacks is null.
template <typename T>
struct KernelTable {
  // Whether denormal numbers may count as zeros here.
  bool flushes_denormals = false;
  // Whether kernels run on the caller's threads, as their Execution says; those of a device with threads of its own do
  // not look at it.
  bool uses_execution = true;

  // ---- Fake quantization

  // y = step * q + 0, where q = clamp(round(x * inverse_step), lowest, highest).
  //
  // This is METHODS' y = (round((clamp(x, low, low + range) - low) * s - zp)) / s, with s = 1 / step, on a range that
  // has zero as a level: low * s is then the integer -zp and cancels. Cancelled by hand it costs no accuracy, and y is
  // what ONNX computes with QuantizeLinear and DequantizeLinear. "+ 0" makes a negative zero positive: integers have
  // one zero. y may be x.
  absl::Status (*fake_quantize_forward)(const Execution& execution, const Layout& layout, const T* x,
                                        const QuantizationGrid& grid, T* y) = nullptr;

  // The gradients of the forward, rounding taken as the identity (Bengio et al. 2013, arXiv:1308.3432). With dy the
  // gradient of y, y as the forward computes it in float, and x divided into three parts
  //   above: x > step * highest    below: x < step * lowest    inside: all else, a NaN too
  //   dx = dy inside, else 0
  //   sums.inside[c] = sum over channel c, inside, of dy * (y - x)
  //   sums.above[c] = sum, above, of dy;  sums.below[c] = sum, below, of dy
  // With these, d step = inside / step + highest * above + lowest * below (Esser et al. 2020, arXiv:1902.08153, eq. 3).
  // dx or sums may be null when they are not wanted. dx may be dy.
  absl::Status (*fake_quantize_backward)(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                         const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) = nullptr;

  // ---- Statistics

  // The least and the greatest number of each channel; NaN where it holds one, and (infinity, -infinity) where it holds
  // none. A zero is positive.
  absl::Status (*min_max)(const Execution& execution, const Layout& layout, const T* x, float* min,
                          float* max) = nullptr;

  // The greatest magnitude of each channel; NaN where it holds one, and 0 where it holds none.
  absl::Status (*abs_max)(const Execution& execution, const Layout& layout, const T* x, float* abs_max) = nullptr;

  // The mean of each channel's n numbers, and their variance, sum (x - mean)^2 / n; NaN where n = 0. The mean is a sum
  // over n. The variance is off by at most kSumTolerance * (variance + kSumTolerance * mean^2): it is made of squared
  // distances to the means of pieces, never of a difference of two large sums (Chan et al. 1979, eq. 2.1). A channel
  // with an infinity or a NaN has neither; one with a magnitude above 2^110 may have no mean, above 2^60 no variance:
  // they are then infinite or NaN.
  absl::Status (*mean_variance)(const Execution& execution, const Layout& layout, const T* x, float* mean,
                                float* variance) = nullptr;

  // Adds 1 to counts[c][0] for each x < low, to counts[c][bins + 1] for each x > high, and else to counts[c][1 + bin],
  //   bin = min(trunc((x - low) * inverse_width), bins - 1), and one less where x < low + bin * width
  // so that where the edges are floats, rounding never lifts a number over one. A NaN is not counted. Counts are added
  // to what is there, so that a histogram can be made of many tensors.
  absl::Status (*histogram)(const Execution& execution, const Layout& layout, const T* x, const HistogramBins& bins,
                            int64_t* counts) = nullptr;

  // Adds 1 to counts[c][0] for each key below low[c], to counts[c][bins + 1] for each at or above
  // low[c] + bins * 2^shift, and else to counts[c][1 + (key - low[c]) / 2^shift]. Counts are added to what is there, so
  // that a selection over many tensors needs no copy of them. backends/selection.h finds order statistics with it.
  absl::Status (*key_histogram)(const Execution& execution, const Layout& layout, const T* x, const SelectionKeys& keys,
                                const KeyBins& bins, int64_t* counts) = nullptr;

  // ---- Sparsity. A mask is a byte an element: 1 keeps it, 0 removes it.

  // mask = |x| * scale[c] <= threshold ? 0 : 1, so that a NaN is kept and shows; y = mask ? x : 0. scale may be null:
  // no multiplication. mask or y may be null. y may be x.
  absl::Status (*magnitude_mask)(const Execution& execution, const Layout& layout, const T* x, const float* scale,
                                 float threshold, uint8_t* mask, T* y) = nullptr;

  // y = mask ? x : 0, for `size` elements; a mask's byte other than 0 keeps. y may be x.
  absl::Status (*apply_mask)(const Execution& execution, int64_t size, const T* x, const uint8_t* mask, T* y) = nullptr;

  // counts[c] = how many numbers of channel c are zero, of either sign.
  absl::Status (*count_zeros)(const Execution& execution, const Layout& layout, const T* x, int64_t* counts) = nullptr;

  // counts[c] = how many numbers of channel c are greater than threshold; a NaN is not.
  absl::Status (*count_above)(const Execution& execution, const Layout& layout, const T* x, float threshold,
                              int64_t* counts) = nullptr;

  // A random mask of independent bits, P(mask = 1) = sigmoid(logit) (METHODS, rb_sparsity; Louizos et al. 2018,
  // arXiv:1712.01312). With u = uniform(philox_word(*random, i)) for element i,
  //   mask = u > (1 - u) * exponential(-logit)
  // which is sigmoid(logit + log(u / (1 - u))) > 1/2 without a logarithm. random null: mask = logit > 0. A NaN logit
  // removes. y = mask ? w : 0. y may be w; y may be null, and then so may w; mask may be null.
  absl::Status (*rb_mask_forward)(const Execution& execution, int64_t size, const T* w, const float* logits,
                                  const RandomStream* random, uint8_t* mask, T* y) = nullptr;

  // Its gradients, the mask's derivative by its logit taken as 1: dw = mask ? dy : 0; d_logits = dy * w. dw or d_logits
  // may be null. dw may be dy.
  absl::Status (*rb_mask_backward)(const Execution& execution, int64_t size, const T* dy, const T* w,
                                   const uint8_t* mask, T* dw, float* d_logits) = nullptr;

  // N:M sparsity: of each m successive channels at the same outer and inner place, those with the n greatest magnitudes
  // get mask 1, of equal ones the first; a NaN is the greatest. The last group may have fewer than m channels: then
  // min(n, their number) stay. 1 <= n <= m <= 32.
  absl::Status (*n_of_m_mask)(const Execution& execution, const Layout& layout, const T* x, int n, int m,
                              uint8_t* mask) = nullptr;

  // ---- Binarization

  // y = x > 0 ? scale[c] : -scale[c]; NaN for NaN. The backward is the identity (METHODS, Binarization; Rastegari et
  // al. 2016, arXiv:1603.05279, eq. 6, where scale[c] is the mean magnitude of the channel's weights: filter_norms
  // gives it). y may be x.
  absl::Status (*binarize_weights)(const Execution& execution, const Layout& layout, const T* x, const float* scale,
                                   T* y) = nullptr;

  // y = x > scale * threshold[c] ? scale : 0; NaN for NaN. scale points to one number. y may be x.
  absl::Status (*binarize_activations_forward)(const Execution& execution, const Layout& layout, const T* x,
                                               const float* scale, const float* threshold, T* y) = nullptr;

  // Its gradients (METHODS, Binarization), y as the forward computes it in float:
  //   dx = dy where 0 <= x <= scale, and where x is NaN; else 0
  //   sums.inside[c] = sum where not (x > scale) of dy * (y - x)    sums.above[c] = sum where x > scale of dy
  //   sums.between[c] = sum where 0 < x < scale of dy
  // With these, d scale = sum over c of inside / scale + above, and d threshold[c] = -between. dx or sums may be null.
  // dx may be dy.
  absl::Status (*binarize_activations_backward)(const Execution& execution, const Layout& layout, const T* dy,
                                                const T* x, const float* scale, const float* threshold, T* dx,
                                                const BinarizationSums* sums) = nullptr;

  // ---- Filters

  // l1[c] = sum of |x|, l2[c] = sqrt(sum of x * x), each square rounded to float: a magnitude above 1.8e19 makes l2
  // infinite. Either may be null.
  absl::Status (*filter_norms)(const Execution& execution, const Layout& layout, const T* x, float* l1,
                               float* l2) = nullptr;

  // distances[i * channels + j] = sqrt(sum of (a - b)^2) over the numbers a of channel i and b of channel j at the same
  // place, differences and squares rounded to float: symmetric, zeros on the diagonal (a NaN or infinity in channel i
  // makes its row NaN or infinite, but not the diagonal). For the geometric median (He et al. 2019, arXiv:1811.00250).
  absl::Status (*pairwise_distances)(const Execution& execution, const Layout& layout, const T* x,
                                     float* distances) = nullptr;

  // ---- Storage

  // codes = the low byte of round-and-clamp's q, as in the forward, plus zero_point[c], in two's complement: with
  // zero_point such that q + zero_point stays in [-128, 127] they are int8, in [0, 255] uint8. lowest and highest are
  // here of at most 2^22 in magnitude. The code of a NaN is that of zero. squared_error[c] = sum of (step * q - x)^2
  // over channel c, difference and square rounded to float, so NaN where the channel holds one; it may be null.
  absl::Status (*quantize_to_codes)(const Execution& execution, const Layout& layout, const T* x,
                                    const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes,
                                    float* squared_error) = nullptr;

  // y = step[c] * (code - zero_point[c]), the code read as int8 if is_signed, else as uint8.
  absl::Status (*dequantize_codes)(const Execution& execution, const Layout& layout, const uint8_t* codes,
                                   bool is_signed, const float* step, const int32_t* zero_point, T* y) = nullptr;

  // Chooses each group's scale, and stores its numbers in the format's codes: see backends/weight_format.h for how they
  // lie. With low and high the group's extremes, widened to hold zero, a = max(-low, high), and inverse =
  // reciprocal(scale):
  //   kInt4Symmetric   scale = (-low >= high ? -low : -high) * 1/8;      q = clamp(round(x * inverse), -8, 7)
  //                    code = q in two's complement
  //   kInt4Asymmetric  scale = (high - low) * (1/15 in float);           q = clamp(round(x * inverse) + z, 0, 15)
  //                    z = clamp(round(-low * inverse), 0, 15), the group's zero point; code = q
  //   kNf4             scale = a;        code = how many of the 15 nf4_boundary(k) are less than x * inverse
  //   kFp8E4M3         scale = a * (1/448 in float);   code = x * inverse, cut to [-448, 448], rounded to E4M3
  //   kMxfp4           scale = 2^(floor(log2 a) - 2);  code = x * inverse, cut to [-6, 6], rounded to E2M1
  // Rounding to floating-point codes takes halves to the even code; a zero keeps its sign. A group with a <
  // kLeastGroupMagnitude has scale 0 and the codes of +0 (7 in NF4; z = 0); one with a NaN or with a >
  // kGreatestGroupMagnitude has scale NaN and the codes of +0.
  // scales and zero_points are [rows, groups]; zero_points is null but for kInt4Asymmetric. squared_error, [rows,
  // groups], the sum of (scale * value - x)^2, with value as in dequantize_groups, and products, differences and
  // squares rounded to float, is NaN where the scale is; it may be null.
  absl::Status (*quantize_groups)(const Execution& execution, const GroupedLayout& layout, WeightFormat format,
                                  const T* x, uint8_t* codes, float* scales, uint8_t* zero_points,
                                  float* squared_error) = nullptr;

  // y = scale * value, where value is q, q - z, kNf4Levels[code], or the floating-point code's number.
  absl::Status (*dequantize_groups)(const Execution& execution, const GroupedLayout& layout, WeightFormat format,
                                    const uint8_t* codes, const float* scales, const uint8_t* zero_points,
                                    T* y) = nullptr;
};

// A device that a backend can run on, for people to read.
struct DeviceDescription {
  std::string name;
  // A device of software, which computes on the same processor as the backend "cpu".
  bool is_software = false;
  // Limits and features: pairs of a name and a value.
  std::vector<std::pair<std::string, std::string>> properties;
  // Whether it is the one that is in use: of a backend's devices at most one.
  bool is_selected = false;
};

// A set of kernels under a name. A function that is not set stands for what the backend lacks.
struct KernelBackend {
  std::string name;
  // Kernels for tensors in host memory are looked for from the highest on: reference 0, cpu 100, backends that send
  // them to another device less than cpu.
  int priority = 0;

  // The kernels for tensors of a type on a device, or null if the backend does not run there. Called often: they should
  // only look up.
  std::function<const KernelTable<float>*(DeviceKind)> float32;
  std::function<const KernelTable<Half>*(DeviceKind)> float16 = nullptr;
  std::function<const KernelTable<BFloat16>*(DeviceKind)> bfloat16 = nullptr;

  // The devices that it can use; first the one that it does use unless another is selected. Error: Unavailable, with
  // what is missing.
  std::function<absl::StatusOr<std::vector<DeviceDescription>>()> devices = nullptr;
  // Takes a device for tensors in host memory from now on: a place in devices(), or a part of a name; empty: the one
  // that it takes by itself. Errors: NotFound, with the devices that there are; those of devices().
  std::function<absl::Status(std::string_view)> select_device = nullptr;
  // The selected device's memory, on which the kernels of device_kind work; not set: host memory.
  DeviceKind device_kind = DeviceKind::kCpu;
  std::function<absl::StatusOr<DeviceMemory*>()> memory = nullptr;

  template <typename T>
  const KernelTable<T>* table(DeviceKind device) const;
};

template <>
inline const KernelTable<float>* KernelBackend::table<float>(DeviceKind device) const {
  return float32 == nullptr ? nullptr : float32(device);
}
template <>
inline const KernelTable<Half>* KernelBackend::table<Half>(DeviceKind device) const {
  return float16 == nullptr ? nullptr : float16(device);
}
template <>
inline const KernelTable<BFloat16>* KernelBackend::table<BFloat16>(DeviceKind device) const {
  return bfloat16 == nullptr ? nullptr : bfloat16(device);
}

}  // namespace pare::backends

#endif  // PARE_BACKENDS_KERNEL_BACKEND_H_
