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
//
// Every backend computes the same:
//   - Elementwise kernels and counts are bit-identical to backends/reference (a NaN may be any NaN). So: rounding to
//     the nearest integer takes halves to the even one, a division is a multiplication by a reciprocal that the caller
//     computed once, and no a*b+c is contracted into one rounding.
//   - Sums are made along a tree that the layout alone fixes: the same on every run and with every number of threads.
//     Their error is at most kSumTolerance times the sum of the terms' absolute values.
//   - Denormal numbers are computed with, not flushed; a NaN in comes out as a NaN.
//
// Preconditions that kernels do not check again: sizes not negative and their product in int64, pointers not null where
// there is an element, outputs overlapping no input (an output may be the input itself where the comment says so).
// Errors of a kernel: only what its device brings (Internal, Unavailable, ResourceExhausted); on the CPU none.
//
// To add a kernel: an entry in KernelTable and one file a backend, a check in backends/conformance, a benchmark.

#ifndef PARE_BACKENDS_KERNEL_BACKEND_H_
#define PARE_BACKENDS_KERNEL_BACKEND_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

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

// Equal bins over [low, high] of each channel. low and high are arrays of layout.channels numbers, low <= high;
// inverse_width = bins / (high - low), or 0 where high == low.
struct HistogramBins {
  const float* low;
  const float* high;
  const float* inverse_width;
  int64_t bins;  // in [1, 2^23]

  // How many counts there are a channel: the bins, and one before and one behind them for what lies outside.
  int64_t counts() const { return bins + 2; }
};

// A backend's kernels for tensors of T on one device. One that the backend lacks is null.
template <typename T>
struct KernelTable {
  // y = step * q + 0, where q = clamp(round(x * inverse_step), lowest, highest).
  //
  // This is METHODS' y = (round((clamp(x, low, low + range) - low) * s - zp)) / s, with s = 1 / step, on a range that
  // has zero as a level: low * s is then the integer -zp and cancels. Cancelled by hand it costs no accuracy, and y is
  // what ONNX computes with QuantizeLinear and DequantizeLinear. "+ 0" makes a negative zero positive: integers have
  // one zero. y may be x.
  absl::Status (*fake_quantize_forward)(const Execution& execution, const Layout& layout, const T* x,
                                        const QuantizationGrid& grid, T* y) = nullptr;

  // The gradients of the forward, rounding taken as the identity (Bengio et al. 2013, arXiv:1308.3432). With dy the
  // gradient of y, and x divided into three parts
  //   above: x > step * highest    below: x < step * lowest    inside: all else, a NaN too
  //   dx = dy inside, else 0
  //   sums.inside[c] = sum over channel c, inside, of dy * (y - x)
  //   sums.above[c] = sum, above, of dy;  sums.below[c] = sum, below, of dy
  // With these, d step = inside / step + highest * above + lowest * below (Esser et al. 2020, arXiv:1902.08153, eq. 3).
  // dx or sums may be null when they are not wanted. dx may be dy.
  absl::Status (*fake_quantize_backward)(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                         const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums) = nullptr;

  // codes = the low byte of round-and-clamp's q, as in the forward, plus zero_point[c], in two's complement: with
  // zero_point such that q + zero_point stays in [-128, 127] they are int8, in [0, 255] uint8. The code of a NaN is
  // that of zero.
  absl::Status (*quantize_to_codes)(const Execution& execution, const Layout& layout, const T* x,
                                    const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes) = nullptr;

  // The least and the greatest number of each channel; NaN where it holds one, and (infinity, -infinity) where it holds
  // none. A zero is positive.
  absl::Status (*min_max)(const Execution& execution, const Layout& layout, const T* x, float* min,
                          float* max) = nullptr;

  // The greatest magnitude of each channel; NaN where it holds one, and 0 where it holds none.
  absl::Status (*abs_max)(const Execution& execution, const Layout& layout, const T* x, float* abs_max) = nullptr;

  // Adds 1 to counts[c][0] for each x < low, to counts[c][bins + 1] for each x > high, and else to
  // counts[c][1 + min(trunc((x - low) * inverse_width), bins - 1)]; a NaN is not counted. Counts are added to what is
  // there, so that a histogram can be made of many tensors.
  absl::Status (*histogram)(const Execution& execution, const Layout& layout, const T* x, const HistogramBins& bins,
                            int64_t* counts) = nullptr;
};

// A set of kernels under a name.
struct KernelBackend {
  std::string name;
  // `auto` takes the highest that runs on the device and has the kernel: reference 0, cpu 100, those of other devices
  // more.
  int priority = 0;
  // The kernels for tensors of float on a device, or null if the backend does not run there. Called often: it should
  // only look up. A half precision type gets a function of its own here.
  std::function<const KernelTable<float>*(DeviceKind)> float32;
};

}  // namespace pare::backends

#endif  // PARE_BACKENDS_KERNEL_BACKEND_H_
