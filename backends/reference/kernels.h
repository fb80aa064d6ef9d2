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
absl::Status min_max(const Execution& execution, const Layout& layout, const float* x, float* min, float* max);
absl::Status abs_max(const Execution& execution, const Layout& layout, const float* x, float* abs_max);

// histogram.cc
absl::Status histogram(const Execution& execution, const Layout& layout, const float* x, const HistogramBins& bins,
                       int64_t* counts);

// binarize.cc
template <typename T>
absl::Status binarize_weights(const Execution& execution, const Layout& layout, const T* x, const float* scale, T* y);
template <typename T>
absl::Status binarize_activations_forward(const Execution& execution, const Layout& layout, const T* x,
                                          const float* scale, const float* threshold, T* y);
template <typename T>
absl::Status binarize_activations_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                           const float* scale, const float* threshold, T* dx,
                                           const BinarizationSums* sums);

// filters.cc
template <typename T>
absl::Status filter_norms(const Execution& execution, const Layout& layout, const T* x, float* l1, float* l2);
template <typename T>
absl::Status pairwise_distances(const Execution& execution, const Layout& layout, const T* x, float* distances);

}  // namespace pare::backends::reference

#endif  // PARE_BACKENDS_REFERENCE_KERNELS_H_
