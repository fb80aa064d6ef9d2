// backends/registry.h: finds a kernel by the name of its backend.
//
//   register_cpu_backend();  // or link //backends/cpu:registration
//   PARE_ASSIGN_OR_RETURN(auto* forward, find_kernel("auto", DeviceKind::kCpu, kFakeQuantizeForward));
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
template <typename Function>
struct Kernel {
  const char* name;
  Function KernelTable<float>::*entry;
};

inline constexpr Kernel kFakeQuantizeForward{"fake_quantize_forward", &KernelTable<float>::fake_quantize_forward};
inline constexpr Kernel kFakeQuantizeBackward{"fake_quantize_backward", &KernelTable<float>::fake_quantize_backward};
inline constexpr Kernel kQuantizeToCodes{"quantize_to_codes", &KernelTable<float>::quantize_to_codes};
inline constexpr Kernel kMinMax{"min_max", &KernelTable<float>::min_max};
inline constexpr Kernel kAbsMax{"abs_max", &KernelTable<float>::abs_max};
inline constexpr Kernel kHistogram{"histogram", &KernelTable<float>::histogram};

namespace internal {

// The table of the first backend, in the order that find_kernel states, for which has() is true.
absl::StatusOr<const KernelTable<float>*> find_table(std::string_view backend, DeviceKind device, const char* kernel,
                                                     absl::FunctionRef<bool(const KernelTable<float>&)> has);

}  // namespace internal

// The kernel of the named backend on that device. If that backend lacks it, the one of the next backend by falling
// priority that has it, and one logged line says so (once a backend and kernel). "auto" starts from the top and logs
// only when a backend of this very device is passed over. Errors: NotFound (no such backend), Unimplemented (no backend
// has the kernel there).
template <typename Function>
absl::StatusOr<Function> find_kernel(std::string_view backend, DeviceKind device, const Kernel<Function>& kernel) {
  absl::StatusOr<const KernelTable<float>*> table = internal::find_table(
      backend, device, kernel.name, [&](const KernelTable<float>& table) { return table.*kernel.entry != nullptr; });
  if (!table.ok()) return table.status();
  return (**table).*kernel.entry;
}

// "cpu", "cuda", "vulkan".
const char* device_kind_name(DeviceKind device);

}  // namespace pare::backends

#endif  // PARE_BACKENDS_REGISTRY_H_
