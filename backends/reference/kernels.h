// backends/reference/kernels.h: the functions of the reference's table; backends/kernel_backend.h says what they do.
// Templates are there for T = float, Half and BFloat16.

#ifndef PARE_BACKENDS_REFERENCE_KERNELS_H_
#define PARE_BACKENDS_REFERENCE_KERNELS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends::reference {

// fake_quantize.cc
template <typename T>
absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const T* x,
                                   const QuantizationGrid& grid, T* y);
template <typename T>
absl::Status fake_quantize_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums);

// codes.cc
absl::Status quantize_to_codes(const Execution& execution, const Layout& layout, const float* x,
                               const QuantizationGrid& grid, const int32_t* zero_point, uint8_t* codes);

// extremes.cc
template <typename T>
absl::Status min_max(const Execution& execution, const Layout& layout, const T* x, float* min, float* max);
template <typename T>
absl::Status abs_max(const Execution& execution, const Layout& layout, const T* x, float* abs_max);

// mean_variance.cc
template <typename T>
absl::Status mean_variance(const Execution& execution, const Layout& layout, const T* x, float* mean, float* variance);

// histogram.cc
template <typename T>
absl::Status histogram(const Execution& execution, const Layout& layout, const T* x, const HistogramBins& bins,
                       int64_t* counts);

// key_histogram.cc
template <typename T>
absl::Status key_histogram(const Execution& execution, const Layout& layout, const T* x, const SelectionKeys& keys,
                           const KeyBins& bins, int64_t* counts);

}  // namespace pare::backends::reference

#endif  // PARE_BACKENDS_REFERENCE_KERNELS_H_
