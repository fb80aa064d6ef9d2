// backends/cpu/kernels.h: the functions of the vectorized table; backends/kernel_backend.h says what they do.
// Templates are there for T = float, Half and BFloat16.

#ifndef PARE_BACKENDS_CPU_KERNELS_H_
#define PARE_BACKENDS_CPU_KERNELS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends::cpu {

// fake_quantize.cc
template <typename T>
absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const T* x,
                                   const QuantizationGrid& grid, T* y);
template <typename T>
absl::Status fake_quantize_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums);

// extremes.cc
absl::Status min_max(const Execution& execution, const Layout& layout, const float* x, float* min, float* max);
absl::Status abs_max(const Execution& execution, const Layout& layout, const float* x, float* abs_max);

// histogram.cc
absl::Status histogram(const Execution& execution, const Layout& layout, const float* x, const HistogramBins& bins,
                       int64_t* counts);

// codes.cc
template <typename T>
absl::Status quantize_to_codes(const Execution& execution, const Layout& layout, const T* x,
                               const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes,
                               float* squared_error);
template <typename T>
absl::Status dequantize_codes(const Execution& execution, const Layout& layout, const uint8_t* codes, bool is_signed,
                              const float* step, const int32_t* zero_point, T* y);

// weight_groups.cc
template <typename T>
absl::Status quantize_groups(const Execution& execution, const GroupedLayout& layout, WeightFormat format, const T* x,
                             uint8_t* codes, float* scales, uint8_t* zero_points, float* squared_error);
template <typename T>
absl::Status dequantize_groups(const Execution& execution, const GroupedLayout& layout, WeightFormat format,
                               const uint8_t* codes, const float* scales, const uint8_t* zero_points, T* y);

}  // namespace pare::backends::cpu

#endif  // PARE_BACKENDS_CPU_KERNELS_H_
