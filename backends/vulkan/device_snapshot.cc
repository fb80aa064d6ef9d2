#include "backends/vulkan/device_snapshot.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace pare::backends::vulkan {
namespace {

// Puts `next` at the head of a chain of extension structures.
template <typename Head, typename Next>
void chain(Head& head, Next& next, VkStructureType type) {
  next.sType = type;
  next.pNext = head.pNext;
  head.pNext = &next;
}

std::set<std::string> extensions_of(const InstanceFunctions& functions, VkPhysicalDevice device) {
  uint32_t count = 0;
  functions.EnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> all(count);
  functions.EnumerateDeviceExtensionProperties(device, nullptr, &count, all.data());
  std::set<std::string> names;
  for (const VkExtensionProperties& extension : all) names.insert(extension.extensionName);
  return names;
}

}  // namespace

DeviceSnapshot take_snapshot(const InstanceFunctions& functions, VkPhysicalDevice device) {
  VkPhysicalDeviceProperties basic;
  functions.GetPhysicalDeviceProperties(device, &basic);
  DeviceSnapshot snapshot;
  snapshot.name = basic.deviceName;
  snapshot.type = basic.deviceType;
  snapshot.api_version = basic.apiVersion;
  if (basic.apiVersion < VK_API_VERSION_1_1) return snapshot;

  snapshot.vendor_id = basic.vendorID;
  snapshot.device_id = basic.deviceID;
  snapshot.driver_version = basic.driverVersion;
  std::memcpy(snapshot.pipeline_cache_uuid.data(), basic.pipelineCacheUUID, VK_UUID_SIZE);
  snapshot.extensions = extensions_of(functions, device);
  const auto has = [&](const char* extension) { return snapshot.extensions.count(extension) > 0; };

  VkPhysicalDeviceProperties2 properties{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, nullptr, {}};
  VkPhysicalDeviceMaintenance3Properties maintenance3{};
  chain(properties, maintenance3, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  VkPhysicalDeviceSubgroupProperties subgroup{};
  chain(properties, subgroup, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
  VkPhysicalDeviceDriverProperties driver{};
  if (has(VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME)) {
    chain(properties, driver, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
  }
  VkPhysicalDeviceFloatControlsProperties floats{};
  if (has(VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME)) {
    chain(properties, floats, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES);
  }
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host_memory{};
  if (has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME)) {
    chain(properties, host_memory, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
  }
  functions.GetPhysicalDeviceProperties2(device, &properties);

  VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, nullptr, {}};
  VkPhysicalDevice16BitStorageFeatures storage_16bit{};
  chain(features, storage_16bit, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
  VkPhysicalDeviceSubgroupSizeControlFeatures size_control{};
  if (has(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME)) {
    chain(features, size_control, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES);
  }
  functions.GetPhysicalDeviceFeatures2(device, &features);

  uint32_t count = 0;
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions.GetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  for (const VkQueueFamilyProperties& family : families) snapshot.queue_families.push_back(family.queueFlags);

  VkPhysicalDeviceMemoryProperties memory;
  functions.GetPhysicalDeviceMemoryProperties(device, &memory);
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    snapshot.memory_types.push_back(memory.memoryTypes[i].propertyFlags);
  }
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) {
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) {
      snapshot.device_memory_bytes += memory.memoryHeaps[i].size;
    }
  }

  const VkPhysicalDeviceLimits& limits = properties.properties.limits;
  snapshot.storage_buffer_range = limits.maxStorageBufferRange;
  snapshot.offset_alignment = limits.minStorageBufferOffsetAlignment;
  snapshot.allocation_bytes = maintenance3.maxMemoryAllocationSize;
  snapshot.storage_buffers = std::min(
      {limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers, limits.maxPerStageResources});
  snapshot.group_count = limits.maxComputeWorkGroupCount[0];
  snapshot.invocations = std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  snapshot.shared_bytes = limits.maxComputeSharedMemorySize;
  snapshot.push_constant_bytes = limits.maxPushConstantsSize;

  if (driver.driverName[0] != '\0') snapshot.driver = absl::StrCat(driver.driverName, " ", driver.driverInfo);
  snapshot.subgroup_size = subgroup.subgroupSize;
  snapshot.subgroup_shuffle = (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
                              (subgroup.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT) != 0;
  snapshot.full_subgroups = size_control.computeFullSubgroups == VK_TRUE;
  snapshot.storage_16bit = storage_16bit.storageBuffer16BitAccess == VK_TRUE;
  snapshot.denorm_preserve = floats.shaderDenormPreserveFloat32 == VK_TRUE;
  snapshot.rounding_to_even = floats.shaderRoundingModeRTEFloat32 == VK_TRUE;
  snapshot.signed_zero_inf_nan_preserve = floats.shaderSignedZeroInfNanPreserveFloat32 == VK_TRUE;
  snapshot.host_import_alignment = host_memory.minImportedHostPointerAlignment;
  return snapshot;
}

}  // namespace pare::backends::vulkan
