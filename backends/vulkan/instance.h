// backends/vulkan/instance.h: the connection to Vulkan of this process, and what the validation layer says.
//
// With PARE_VULKAN_VALIDATION=1 in the environment the Khronos validation layer is on, synchronization validation too:
// its messages are collected here, for tests to find none.

#ifndef PARE_BACKENDS_VULKAN_INSTANCE_H_
#define PARE_BACKENDS_VULKAN_INSTANCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "backends/vulkan/device_snapshot.h"
#include "backends/vulkan/functions.h"

namespace pare::backends::vulkan {

struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceSnapshot snapshot;
};

struct Instance {
  VkInstance handle = VK_NULL_HANDLE;
  InstanceFunctions functions;
  std::vector<PhysicalDevice> devices;
  bool validated = false;  // the validation layer is on
};

// Opened once and kept until the process ends. Errors: Unavailable when there is no loader or it refuses; no device at
// all is an empty list.
absl::StatusOr<const Instance*> instance();

// What the validation layer has said since the last call: warnings and errors.
std::vector<std::string> take_validation_messages();

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_INSTANCE_H_
