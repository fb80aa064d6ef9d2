// backends/vulkan/functions.h: the Vulkan functions that are called, as tables of pointers.
//
// Nothing links the Vulkan loader: it is opened at run time, and the tables are filled through vkGetInstanceProcAddr
// and vkGetDeviceProcAddr. A device's table is a value of its own, so that a test can have a function fail.

#ifndef PARE_BACKENDS_VULKAN_FUNCTIONS_H_
#define PARE_BACKENDS_VULKAN_FUNCTIONS_H_

#define VK_NO_PROTOTYPES
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vulkan/vulkan_core.h"

namespace pare::backends::vulkan {

#define PARE_VULKAN_GLOBAL_FUNCTIONS(X) \
  X(EnumerateInstanceVersion)           \
  X(EnumerateInstanceExtensionProperties) X(EnumerateInstanceLayerProperties) X(CreateInstance)

#define PARE_VULKAN_INSTANCE_FUNCTIONS(X)   \
  X(DestroyInstance)                        \
  X(EnumeratePhysicalDevices)               \
  X(GetPhysicalDeviceProperties)            \
  X(GetPhysicalDeviceProperties2)           \
  X(GetPhysicalDeviceFeatures2)             \
  X(GetPhysicalDeviceQueueFamilyProperties) \
  X(GetPhysicalDeviceMemoryProperties) X(EnumerateDeviceExtensionProperties) X(CreateDevice) X(GetDeviceProcAddr)

// One a line, which the formatter would undo.
// clang-format off
#define PARE_VULKAN_DEVICE_FUNCTIONS(X) \
  X(DestroyDevice) \
  X(DeviceWaitIdle) \
  X(GetDeviceQueue) \
  X(QueueSubmit) \
  X(AllocateMemory) \
  X(FreeMemory) \
  X(MapMemory) \
  X(CreateBuffer) \
  X(DestroyBuffer) \
  X(GetBufferMemoryRequirements) \
  X(BindBufferMemory) \
  X(CreateShaderModule) \
  X(DestroyShaderModule) \
  X(CreateComputePipelines) \
  X(DestroyPipeline) \
  X(CreatePipelineLayout) \
  X(DestroyPipelineLayout) \
  X(CreatePipelineCache) \
  X(DestroyPipelineCache) \
  X(GetPipelineCacheData) \
  X(CreateDescriptorSetLayout) \
  X(DestroyDescriptorSetLayout) \
  X(CreateDescriptorPool) \
  X(DestroyDescriptorPool) \
  X(ResetDescriptorPool) \
  X(AllocateDescriptorSets) \
  X(UpdateDescriptorSets) \
  X(CreateCommandPool) \
  X(DestroyCommandPool) \
  X(ResetCommandPool) \
  X(AllocateCommandBuffers) \
  X(BeginCommandBuffer) \
  X(EndCommandBuffer) \
  X(CreateFence) \
  X(DestroyFence) \
  X(WaitForFences) \
  X(ResetFences) \
  X(CmdBindPipeline) \
  X(CmdBindDescriptorSets) \
  X(CmdPushConstants) \
  X(CmdDispatch) \
  X(CmdCopyBuffer) \
  X(CmdFillBuffer) \
  X(CmdUpdateBuffer) \
  X(CmdPipelineBarrier)
// clang-format on

// Only those of extensions that are enabled are not null.
#define PARE_VULKAN_OPTIONAL_DEVICE_FUNCTIONS(X) X(GetMemoryHostPointerPropertiesEXT)

#define PARE_VULKAN_MEMBER(name) PFN_vk##name name = nullptr;
struct GlobalFunctions {
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;
  PARE_VULKAN_GLOBAL_FUNCTIONS(PARE_VULKAN_MEMBER)
};
struct InstanceFunctions {
  PARE_VULKAN_INSTANCE_FUNCTIONS(PARE_VULKAN_MEMBER)
};
struct DeviceFunctions {
  PARE_VULKAN_DEVICE_FUNCTIONS(PARE_VULKAN_MEMBER)
  PARE_VULKAN_OPTIONAL_DEVICE_FUNCTIONS(PARE_VULKAN_MEMBER)
};
#undef PARE_VULKAN_MEMBER

// Opens the loader. Errors: Unavailable, with the package that brings it; a loader of Vulkan 1.0 as well.
absl::StatusOr<GlobalFunctions> open_loader();

// Errors: Unavailable, with the name of the function that is missing.
absl::StatusOr<InstanceFunctions> load_instance_functions(const GlobalFunctions& global, VkInstance instance);
absl::StatusOr<DeviceFunctions> load_device_functions(const InstanceFunctions& instance, VkDevice device);

// OK for VK_SUCCESS. Out of memory is ResourceExhausted, a lost device Unavailable, all else Internal; the message is
// "<what>: <the result's name>".
absl::Status to_status(VkResult result, const char* what);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_FUNCTIONS_H_
