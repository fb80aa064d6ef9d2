// backends/registry.h: finds a kernel by the name of its backend.
//
//   register_cpu_backend();  // or link //backends/cpu:registration
//   PARE_ASSIGN_OR_RETURN(auto* forward, find_kernel("auto", DeviceKind::kCpu, kMinMax<float>));
//
// A backend of another repository calls register_backend() from a small target with `alwayslink`, and from a function
// that those who link statically call themselves. Safe to call from any thread. A backend, once registered, stays.

#ifndef PARE_BACKENDS_REGISTRY_H_
#define PARE_BACKENDS_REGISTRY_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// The name that stands for the backend of the highest priority that can do what is asked.
inline constexpr char kAutoBackend[] = "auto";

// Errors: InvalidArgument if the name is empty, "auto", or there is no table function; AlreadyExists.
absl::Status register_backend(KernelBackend backend);

// By falling priority, without "auto".
std::vector<std::string> backend_names();

// Error: NotFound, with the names that there are.
absl::StatusOr<const KernelBackend*> find_backend(std::string_view name);

// A kernel's name, for messages, and its place in the table.
template <typename T, typename Function>
struct Kernel {
  const char* name;
  Function KernelTable<T>::*entry;
};

template <typename T>
inline constexpr Kernel kFakeQuantizeForward{"fake_quantize_forward", &KernelTable<T>::fake_quantize_forward};
template <typename T>
inline constexpr Kernel kFakeQuantizeBackward{"fake_quantize_backward", &KernelTable<T>::fake_quantize_backward};
template <typename T>
inline constexpr Kernel kMinMax{"min_max", &KernelTable<T>::min_max};
template <typename T>
inline constexpr Kernel kAbsMax{"abs_max", &KernelTable<T>::abs_max};
template <typename T>
inline constexpr Kernel kMeanVariance{"mean_variance", &KernelTable<T>::mean_variance};
template <typename T>
inline constexpr Kernel kHistogram{"histogram", &KernelTable<T>::histogram};
template <typename T>
inline constexpr Kernel kKeyHistogram{"key_histogram", &KernelTable<T>::key_histogram};
template <typename T>
inline constexpr Kernel kMagnitudeMask{"magnitude_mask", &KernelTable<T>::magnitude_mask};
template <typename T>
inline constexpr Kernel kApplyMask{"apply_mask", &KernelTable<T>::apply_mask};
template <typename T>
inline constexpr Kernel kCountZeros{"count_zeros", &KernelTable<T>::count_zeros};
template <typename T>
inline constexpr Kernel kCountAbove{"count_above", &KernelTable<T>::count_above};
template <typename T>
inline constexpr Kernel kRbMaskForward{"rb_mask_forward", &KernelTable<T>::rb_mask_forward};
template <typename T>
inline constexpr Kernel kRbMaskBackward{"rb_mask_backward", &KernelTable<T>::rb_mask_backward};
template <typename T>
inline constexpr Kernel kNOfMMask{"n_of_m_mask", &KernelTable<T>::n_of_m_mask};
template <typename T>
inline constexpr Kernel kBinarizeWeights{"binarize_weights", &KernelTable<T>::binarize_weights};
template <typename T>
inline constexpr Kernel kBinarizeActivationsForward{"binarize_activations_forward",
                                                    &KernelTable<T>::binarize_activations_forward};
template <typename T>
inline constexpr Kernel kBinarizeActivationsBackward{"binarize_activations_backward",
                                                     &KernelTable<T>::binarize_activations_backward};
template <typename T>
inline constexpr Kernel kFilterNorms{"filter_norms", &KernelTable<T>::filter_norms};
template <typename T>
inline constexpr Kernel kPairwiseDistances{"pairwise_distances", &KernelTable<T>::pairwise_distances};
template <typename T>
inline constexpr Kernel kQuantizeToCodes{"quantize_to_codes", &KernelTable<T>::quantize_to_codes};
template <typename T>
inline constexpr Kernel kDequantizeCodes{"dequantize_codes", &KernelTable<T>::dequantize_codes};
template <typename T>
inline constexpr Kernel kQuantizeGroups{"quantize_groups", &KernelTable<T>::quantize_groups};
template <typename T>
inline constexpr Kernel kDequantizeGroups{"dequantize_groups", &KernelTable<T>::dequantize_groups};

namespace internal {

enum class Offer { kNotOnDevice, kLacksKernel, kHasKernel };

// The first backend, in the order that find_kernel states, that has the kernel.
absl::StatusOr<const KernelBackend*> find_offer(std::string_view backend, DeviceKind device, const char* kernel,
                                                absl::FunctionRef<Offer(const KernelBackend&)> offer_of);

}  // namespace internal

// The kernel of the named backend on that device. If that backend lacks it, the one of the next backend by falling
// priority that has it, and one logged line says so (once a backend and kernel). "auto" starts from the top and logs
// only when a backend of this very device is passed over. Errors: NotFound (no such backend), Unimplemented (no backend
// has the kernel there).
template <typename T, typename Function>
absl::StatusOr<Function> find_kernel(std::string_view backend, DeviceKind device, const Kernel<T, Function>& kernel) {
  const absl::StatusOr<const KernelBackend*> found =
      internal::find_offer(backend, device, kernel.name, [&](const KernelBackend& candidate) {
        const KernelTable<T>* const table = candidate.table<T>(device);
        if (table == nullptr) return internal::Offer::kNotOnDevice;
        return table->*kernel.entry == nullptr ? internal::Offer::kLacksKernel : internal::Offer::kHasKernel;
      });
  if (!found.ok()) return found.status();
  return (*found)->table<T>(device)->*kernel.entry;
}

// "cpu", "cuda", "vulkan".
const char* device_kind_name(DeviceKind device);

}  // namespace pare::backends

#endif  // PARE_BACKENDS_REGISTRY_H_
