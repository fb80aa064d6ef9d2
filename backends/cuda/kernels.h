// backends/cuda/kernels.h: the backend's kernels' host side, one source each, beside the kernel of the same name in
// kernels/. Their contracts stand in KernelTable.

#ifndef PARE_BACKENDS_CUDA_KERNELS_H_
#define PARE_BACKENDS_CUDA_KERNELS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends::cuda {

// fake_quantize.cc
template <typename T>
absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const T* x,
                                   const QuantizationGrid& grid, T* y);
template <typename T>
absl::Status fake_quantize_backward(const Execution& execution, const Layout& layout, const T* dy, const T* x,
                                    const QuantizationGrid& grid, T* dx, const FakeQuantizeSums* sums);

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

// masks.cc
template <typename T>
absl::Status magnitude_mask(const Execution& execution, const Layout& layout, const T* x, const float* scale,
                            float threshold, uint8_t* mask, T* y);
template <typename T>
absl::Status apply_mask(const Execution& execution, int64_t size, const T* x, const uint8_t* mask, T* y);

// counts.cc
template <typename T>
absl::Status count_zeros(const Execution& execution, const Layout& layout, const T* x, int64_t* counts);
template <typename T>
absl::Status count_above(const Execution& execution, const Layout& layout, const T* x, float threshold,
                         int64_t* counts);

// rb_mask.cc
template <typename T>
absl::Status rb_mask_forward(const Execution& execution, int64_t size, const T* w, const float* logits,
                             const RandomStream* random, uint8_t* mask, T* y);
template <typename T>
absl::Status rb_mask_backward(const Execution& execution, int64_t size, const T* dy, const T* w, const uint8_t* mask,
                              T* dw, float* d_logits);

// n_of_m.cc
template <typename T>
absl::Status n_of_m_mask(const Execution& execution, const Layout& layout, const T* x, int n, int m, uint8_t* mask);

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

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_KERNELS_H_
