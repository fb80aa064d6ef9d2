#include "backends/vulkan/logical_device.h"

#include "absl/strings/str_cat.h"
#include "backends/vulkan/driver_llvm.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {

absl::StatusOr<std::unique_ptr<LogicalDevice>> LogicalDevice::create(const Instance& instance,
                                                                     const PhysicalDevice& physical,
                                                                     const DeviceOptions& options) {
  std::unique_ptr<LogicalDevice> device(new LogicalDevice);
  device->snapshot_ = physical.snapshot;
  PARE_ASSIGN_OR_RETURN(device->plan_, make_device_plan(physical.snapshot));
  if (options.adjust_plan) options.adjust_plan(device->plan_);
  const DevicePlan& plan = device->plan_;

  const float priority = 1;
  VkDeviceQueueCreateInfo queue{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queue.queueFamilyIndex = plan.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroups{
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
  subgroups.computeFullSubgroups = VK_TRUE;
  VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO};
  if (plan.subgroups) info.pNext = &subgroups;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = plan.extensions.size();
  info.ppEnabledExtensionNames = plan.extensions.data();
  register_driver_llvm_targets();
  PARE_RETURN_IF_ERROR(
      to_status(instance.functions.CreateDevice(physical.handle, &info, nullptr, &device->handle_), "vkCreateDevice"));
  // First of all what gives the device back, should one of the others be missing.
  device->functions_.DestroyDevice =
      reinterpret_cast<PFN_vkDestroyDevice>(instance.functions.GetDeviceProcAddr(device->handle_, "vkDestroyDevice"));
  PARE_ASSIGN_OR_RETURN(device->functions_, load_device_functions(instance.functions, device->handle_));
  if (options.adjust_functions) options.adjust_functions(device->functions_);
  device->functions_.GetDeviceQueue(device->handle_, plan.queue_family, 0, &device->queue_);
  return device;
}

LogicalDevice::~LogicalDevice() {
  if (handle_ == VK_NULL_HANDLE || functions_.DestroyDevice == nullptr) return;
  if (functions_.DeviceWaitIdle != nullptr) functions_.DeviceWaitIdle(handle_);
  functions_.DestroyDevice(handle_, nullptr);
}

absl::Status LogicalDevice::check(VkResult result, const char* what) {
  const absl::Status status = to_status(result, what);
  if (result == VK_ERROR_DEVICE_LOST && status_.ok()) {
    status_ = absl::UnavailableError(absl::StrCat("the Vulkan device '", snapshot_.name, "' was lost in ", what,
                                                  ": what was in its memory is gone; go on with another backend"));
  }
  return result == VK_ERROR_DEVICE_LOST ? status_ : status;
}

}  // namespace pare::backends::vulkan
