// backends/vulkan/logical_device.h: a VkDevice with its one queue, and whether it still works.

#ifndef PARE_BACKENDS_VULKAN_LOGICAL_DEVICE_H_
#define PARE_BACKENDS_VULKAN_LOGICAL_DEVICE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/vulkan/device_plan.h"
#include "backends/vulkan/functions.h"
#include "backends/vulkan/instance.h"

namespace pare::backends::vulkan {

// What tests change.
struct DeviceOptions {
  std::function<void(DevicePlan&)> adjust_plan;
  std::function<void(DeviceFunctions&)> adjust_functions;
  std::string pipeline_cache_folder;  // empty: the user's cache folder
};

class LogicalDevice {
 public:
  // Errors: those of make_device_plan; Unavailable or ResourceExhausted when the driver refuses.
  static absl::StatusOr<std::unique_ptr<LogicalDevice>> create(const Instance& instance, const PhysicalDevice& physical,
                                                               const DeviceOptions& options);
  LogicalDevice(const LogicalDevice&) = delete;
  LogicalDevice& operator=(const LogicalDevice&) = delete;
  // Waits for all that was submitted.
  ~LogicalDevice();

  // to_status; and a device that is lost is lost from here on.
  absl::Status check(VkResult result, const char* what);

  // OK, or Unavailable once the device was lost.
  const absl::Status& status() const { return status_; }

  VkDevice handle() const { return handle_; }
  VkQueue queue() const { return queue_; }
  const DeviceFunctions& functions() const { return functions_; }
  const DevicePlan& plan() const { return plan_; }
  const DeviceSnapshot& snapshot() const { return snapshot_; }

 private:
  LogicalDevice() = default;

  DeviceSnapshot snapshot_;
  DevicePlan plan_;
  DeviceFunctions functions_;
  VkDevice handle_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  absl::Status status_;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_LOGICAL_DEVICE_H_
