// backends/vulkan/backend.h: the kernels as compute shaders, on any vendor's GPU.
//
//   ASSERT_TRUE(register_vulkan_backend().ok());  // or link //backends/vulkan:registration
//   PARE_ASSIGN_OR_RETURN(Device* device, vulkan::select_device(""));
//
// Its name is "vulkan". One table serves tensors of Vulkan devices (device.h) and of the host: those are brought to the
// selected device and back in every call, so `auto` prefers the cpu for them. Where there is no Vulkan device it has no
// kernels. Where a device flushes denormal numbers (DeviceProperties::preserves_denormals) they count as zero.

#ifndef PARE_BACKENDS_VULKAN_BACKEND_H_
#define PARE_BACKENDS_VULKAN_BACKEND_H_

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// For T = float, Half and BFloat16, as the selected device computes them. Without a device every kernel says what is
// missing.
template <typename T>
const KernelTable<T>& vulkan_kernels();

// OK as well when it is registered already. Opens no device.
absl::Status register_vulkan_backend();

}  // namespace pare::backends

#endif  // PARE_BACKENDS_VULKAN_BACKEND_H_
