// backends/vulkan/device_plan.h: how a device is used, decided from what it reports.
//
//   PARE_ASSIGN_OR_RETURN(DevicePlan plan, make_device_plan(snapshot));
//
// A pure function, tested with made-up devices: all that depends on a device's limits and features stands here.

#ifndef PARE_BACKENDS_VULKAN_DEVICE_PLAN_H_
#define PARE_BACKENDS_VULKAN_DEVICE_PLAN_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/vulkan/device_snapshot.h"

namespace pare::backends::vulkan {

struct DevicePlan {
  uint32_t queue_family = 0;
  std::vector<const char*> extensions;  // to enable

  // A device of software: reading a word costs more than computing with it, and neighbours share no cost of it.
  bool is_processor = false;

  // Dispatches.
  uint32_t local_size = 0;   // invocations of a workgroup: a power of two, at most 256
  uint32_t max_groups = 0;   // at most 65,535, whatever the device says
  uint32_t loop_groups = 0;  // how many groups a grid-stride loop starts at most
  uint32_t max_buffers = 0;  // that one dispatch binds

  // Buffers.
  uint64_t buffer_range = 0;      // bytes of one binding at most; a multiple of 4096
  uint64_t offset_alignment = 0;  // of a binding, in bytes: 16 to 256

  // Reductions: shaders that shuffle within full subgroups of this size, or ones that go through shared memory.
  bool subgroups = false;
  uint32_t subgroup_size = 0;
  uint32_t shared_bytes = 0;

  // What float arithmetic is asked to do, where the device can be asked.
  bool denorm_preserve = false;
  bool rounding_to_even = false;
  bool signed_zero_inf_nan_preserve = false;

  bool storage_16bit = false;

  // Memory. The types by preference: a buffer may refuse some.
  std::vector<uint32_t> device_memory_types;
  std::vector<uint32_t> staging_memory_types;
  bool unified_memory = false;    // the host reads and writes the device's memory itself, at full speed
  uint64_t block_bytes = 0;       // what is taken from the driver at once; smaller allocations share a block
  uint64_t allocation_bytes = 0;  // the most that one allocation may have
  uint64_t memory_bytes = 0;      // the most that is taken from the driver
  uint64_t staging_slot_bytes = 0;

  // Host memory is imported instead of copied: where the memory is one anyway. Over a bus, each pass of a kernel would
  // go over the bus.
  bool host_import = false;
  uint64_t host_import_alignment = 0;
  uint64_t host_import_minimum = 0;  // bytes from which an import costs less than a copy
};

// Errors: FailedPrecondition, with what the device lacks: Vulkan 1.1, a compute queue, a memory type, or room for 64
// invocations of a workgroup.
absl::StatusOr<DevicePlan> make_device_plan(const DeviceSnapshot& snapshot);

// The device that `wanted` names: its place in the list ("1"), a part of its name in any case ("llvmpipe"), or, when
// empty, the first of the best kind that a plan can be made for: discrete, integrated, virtual, then CPU. Errors:
// NotFound, with the list of what there is; the plan's error of a device that was asked for.
absl::StatusOr<size_t> choose_device(absl::Span<const DeviceSnapshot> devices, std::string_view wanted);

// "discrete GPU", "CPU"
const char* device_type_name(VkPhysicalDeviceType type);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_DEVICE_PLAN_H_
