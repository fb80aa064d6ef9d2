// backends/conformance/checks.h: compares any backend's kernels with the reference.
//
//   check_fake_quantize_forward(*my_backend->table<float>(DeviceKind::kCpu));
//
//   #define TEST_OF(name, check) TEST(MyBackend, name) { check(*my_backend->table<float>(DeviceKind::kCpu)); }
//   PARE_FOR_EACH_CONFORMANCE_CHECK(TEST_OF)
//
// Each function calls one kernel with many tensors (empty, one element, sizes around and far above a vector's, channels
// first, last and in between) full of what kernels get wrong (ties, edges of the range, NaN, infinities, denormals,
// extreme steps) and of random numbers, on one thread and with its work cut up and turned around, and raises GoogleTest
// failures. The random numbers' seed is in the failure's trace; the environment variable PARE_TEST_SEED sets another.
// A kernel that the table lacks is not checked. Tables that take host memory only. T = float, Half, BFloat16. For a
// table that flushes denormal numbers, those in the inputs are zeros, and in the outputs they count as zeros.

#ifndef PARE_BACKENDS_CONFORMANCE_CHECKS_H_
#define PARE_BACKENDS_CONFORMANCE_CHECKS_H_

#include "backends/kernel_backend.h"

namespace pare::backends::conformance {

// fake_quantize_checks.cc
template <typename T>
void check_fake_quantize_forward(const KernelTable<T>& tested);
template <typename T>
void check_fake_quantize_backward(const KernelTable<T>& tested);

// statistics_checks.cc
template <typename T>
void check_min_max(const KernelTable<T>& tested);
template <typename T>
void check_abs_max(const KernelTable<T>& tested);
template <typename T>
void check_mean_variance(const KernelTable<T>& tested);
template <typename T>
void check_histogram(const KernelTable<T>& tested);
template <typename T>
void check_key_histogram(const KernelTable<T>& tested);

// sparsity_checks.cc
template <typename T>
void check_magnitude_mask(const KernelTable<T>& tested);
template <typename T>
void check_apply_mask(const KernelTable<T>& tested);
template <typename T>
void check_count_zeros(const KernelTable<T>& tested);
template <typename T>
void check_count_above(const KernelTable<T>& tested);
template <typename T>
void check_rb_mask_forward(const KernelTable<T>& tested);
template <typename T>
void check_rb_mask_backward(const KernelTable<T>& tested);
template <typename T>
void check_n_of_m_mask(const KernelTable<T>& tested);
// storage_checks.cc
template <typename T>
void check_quantize_to_codes(const KernelTable<T>& tested);
template <typename T>
void check_dequantize_codes(const KernelTable<T>& tested);
template <typename T>
void check_quantize_groups(const KernelTable<T>& tested);
template <typename T>
void check_dequantize_groups(const KernelTable<T>& tested);
// binarize_checks.cc
template <typename T>
void check_binarize_weights(const KernelTable<T>& tested);
template <typename T>
void check_binarize_activations_forward(const KernelTable<T>& tested);
template <typename T>
void check_binarize_activations_backward(const KernelTable<T>& tested);

// filter_checks.cc
template <typename T>
void check_filter_norms(const KernelTable<T>& tested);
template <typename T>
void check_pairwise_distances(const KernelTable<T>& tested);

}  // namespace pare::backends::conformance

// All of them, for the suites of backends: macro(NameOfTest, name_of_check) each.
#define PARE_FOR_EACH_CONFORMANCE_CHECK(macro)                                                                      \
  macro(FakeQuantizeForward, check_fake_quantize_forward) macro(FakeQuantizeBackward, check_fake_quantize_backward) \
      macro(MinMax, check_min_max) macro(AbsMax, check_abs_max) macro(MeanVariance, check_mean_variance)            \
          macro(Histogram, check_histogram) macro(KeyHistogram, check_key_histogram)                                \
              macro(MagnitudeMask, check_magnitude_mask) macro(ApplyMask, check_apply_mask)                         \
                  macro(CountZeros, check_count_zeros) macro(CountAbove, check_count_above)                         \
                      macro(RbMaskForward, check_rb_mask_forward) macro(RbMaskBackward, check_rb_mask_backward)     \
                          macro(NOfMMask, check_n_of_m_mask) macro(BinarizeWeights, check_binarize_weights)         \
                              macro(BinarizeActivationsForward, check_binarize_activations_forward)                 \
                                  macro(BinarizeActivationsBackward, check_binarize_activations_backward)           \
                                      macro(FilterNorms, check_filter_norms)                                        \
                                          macro(PairwiseDistances, check_pairwise_distances)                        \
                                              macro(QuantizeToCodes, check_quantize_to_codes)                       \
                                                  macro(DequantizeCodes, check_dequantize_codes)                    \
                                                      macro(QuantizeGroups, check_quantize_groups)                  \
                                                          macro(DequantizeGroups, check_dequantize_groups)

#endif  // PARE_BACKENDS_CONFORMANCE_CHECKS_H_
