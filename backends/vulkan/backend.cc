#include "backends/vulkan/backend.h"

#include "backends/registry.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/kernels.h"

namespace pare::backends {

const KernelTable<float>& vulkan_kernels() {
  static constexpr KernelTable<float> table = {
      .fake_quantize_forward = vulkan::fake_quantize_forward,
  };
  return table;
}

absl::Status register_vulkan_backend() {
  static const absl::Status status = register_backend({
      .name = "vulkan",
      .priority = 50,
      .float32 = [](DeviceKind device) -> const KernelTable<float>* {
        if (device != DeviceKind::kCpu && device != DeviceKind::kVulkan) return nullptr;
        return vulkan::selected_device().ok() ? &vulkan_kernels() : nullptr;
      },
  });
  return status;
}

}  // namespace pare::backends
