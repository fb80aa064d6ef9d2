#include "backends/vulkan/functions.h"

#include <dlfcn.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace pare::backends::vulkan {
namespace {

absl::Status missing(const char* name) {
  return absl::UnavailableError(absl::StrCat("the Vulkan driver has no function vk", name, ": update the driver"));
}

const char* result_name(VkResult result) {
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
      return "out of host memory";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "out of device memory";
    case VK_ERROR_TOO_MANY_OBJECTS:
      return "too many objects";
    case VK_ERROR_INVALID_EXTERNAL_HANDLE:
      return "host memory that the device cannot take";
    case VK_ERROR_DEVICE_LOST:
      return "the device is lost";
    case VK_ERROR_INITIALIZATION_FAILED:
      return "initialization failed";
    case VK_ERROR_INCOMPATIBLE_DRIVER:
      return "incompatible driver";
    case VK_ERROR_EXTENSION_NOT_PRESENT:
      return "extension not present";
    case VK_ERROR_FEATURE_NOT_PRESENT:
      return "feature not present";
    case VK_ERROR_LAYER_NOT_PRESENT:
      return "layer not present";
    default:
      return nullptr;
  }
}

}  // namespace

absl::StatusOr<GlobalFunctions> open_loader() {
  void* library = nullptr;
  for (const char* name : {"libvulkan.so.1", "libvulkan.so", "libvulkan.1.dylib"}) {
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
  }
  if (library == nullptr) {
    return absl::UnavailableError(
        "there is no Vulkan loader (libvulkan.so.1): install it with 'apt-get install libvulkan1', and a driver with "
        "'apt-get install mesa-vulkan-drivers' or the GPU vendor's package");
  }
  GlobalFunctions functions;
  functions.GetInstanceProcAddr = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library, "vkGetInstanceProcAddr"));
  if (functions.GetInstanceProcAddr == nullptr) return missing("GetInstanceProcAddr");
#define PARE_VULKAN_LOAD(name)                                                                                \
  functions.name = reinterpret_cast<PFN_vk##name>(functions.GetInstanceProcAddr(VK_NULL_HANDLE, "vk" #name)); \
  if (functions.name == nullptr) return missing(#name);
  PARE_VULKAN_GLOBAL_FUNCTIONS(PARE_VULKAN_LOAD)
#undef PARE_VULKAN_LOAD
  uint32_t version = 0;
  if (functions.EnumerateInstanceVersion(&version) != VK_SUCCESS || version < VK_API_VERSION_1_1) {
    return absl::UnavailableError("the Vulkan loader is of Vulkan 1.0, but 1.1 is needed: update libvulkan1");
  }
  return functions;
}

absl::StatusOr<InstanceFunctions> load_instance_functions(const GlobalFunctions& global, VkInstance instance) {
  InstanceFunctions functions;
#define PARE_VULKAN_LOAD(name)                                                                       \
  functions.name = reinterpret_cast<PFN_vk##name>(global.GetInstanceProcAddr(instance, "vk" #name)); \
  if (functions.name == nullptr) return missing(#name);
  PARE_VULKAN_INSTANCE_FUNCTIONS(PARE_VULKAN_LOAD)
#undef PARE_VULKAN_LOAD
  return functions;
}

absl::StatusOr<DeviceFunctions> load_device_functions(const InstanceFunctions& instance, VkDevice device) {
  DeviceFunctions functions;
#define PARE_VULKAN_LOAD(name) \
  functions.name = reinterpret_cast<PFN_vk##name>(instance.GetDeviceProcAddr(device, "vk" #name));
  PARE_VULKAN_OPTIONAL_DEVICE_FUNCTIONS(PARE_VULKAN_LOAD)
#undef PARE_VULKAN_LOAD
#define PARE_VULKAN_LOAD(name)                                                                     \
  functions.name = reinterpret_cast<PFN_vk##name>(instance.GetDeviceProcAddr(device, "vk" #name)); \
  if (functions.name == nullptr) return missing(#name);
  PARE_VULKAN_DEVICE_FUNCTIONS(PARE_VULKAN_LOAD)
#undef PARE_VULKAN_LOAD
  return functions;
}

absl::Status to_status(VkResult result, const char* what) {
  if (result == VK_SUCCESS) return absl::OkStatus();
  const char* name = result_name(result);
  const std::string message =
      absl::StrCat("Vulkan, ", what, ": ", name != nullptr ? name : absl::StrCat("VkResult ", int{result}));
  switch (result) {
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS:
      return absl::ResourceExhaustedError(message);
    case VK_ERROR_DEVICE_LOST:
      return absl::UnavailableError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace pare::backends::vulkan
