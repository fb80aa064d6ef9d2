// backends/conformance/checks.h: compares any backend's kernels with the reference.
//
//   check_fake_quantize_forward(*my_backend->table<float>(DeviceKind::kCpu));
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

#endif  // PARE_BACKENDS_CONFORMANCE_CHECKS_H_
