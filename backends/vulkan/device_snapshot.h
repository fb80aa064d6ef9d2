// backends/vulkan/device_snapshot.h: what a physical device reports of itself, as plain values.
//
// device_plan.h turns a snapshot into decisions, so those can be tested with made-up devices.

#ifndef PARE_BACKENDS_VULKAN_DEVICE_SNAPSHOT_H_
#define PARE_BACKENDS_VULKAN_DEVICE_SNAPSHOT_H_

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "backends/vulkan/functions.h"

namespace pare::backends::vulkan {

struct DeviceSnapshot {
  std::string name;
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  uint32_t api_version = 0;
  uint32_t vendor_id = 0;
  uint32_t device_id = 0;
  uint32_t driver_version = 0;
  std::string driver;  // name and version as the driver says them; empty where it does not
  std::array<uint8_t, VK_UUID_SIZE> pipeline_cache_uuid{};

  std::vector<VkQueueFlags> queue_families;
  std::vector<VkMemoryPropertyFlags> memory_types;
  uint64_t device_memory_bytes = 0;  // of all heaps that are local to the device
  std::set<std::string> extensions;

  // Limits.
  uint64_t storage_buffer_range = 0;
  uint64_t offset_alignment = 0;
  uint64_t allocation_bytes = 0;
  uint32_t storage_buffers = 0;  // that one shader can bind
  uint32_t group_count = 0;      // along x
  uint32_t invocations = 0;      // of a workgroup, along x
  uint32_t shared_bytes = 0;
  uint32_t push_constant_bytes = 0;

  // Features.
  uint32_t subgroup_size = 0;
  bool subgroup_shuffle = false;  // in compute shaders
  bool full_subgroups = false;    // can be asked for
  bool storage_16bit = false;
  bool denorm_preserve = false;  // of 32-bit floats, as all of these
  bool rounding_to_even = false;
  bool signed_zero_inf_nan_preserve = false;
  uint64_t host_import_alignment = 0;  // 0: host memory cannot be imported
};

// A device of Vulkan 1.0 gets only name, type and api_version: the rest cannot be asked.
DeviceSnapshot take_snapshot(const InstanceFunctions& functions, VkPhysicalDevice device);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_DEVICE_SNAPSHOT_H_
