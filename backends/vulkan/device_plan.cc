#include "backends/vulkan/device_plan.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {
namespace {

constexpr uint32_t kMaxLocalSize = 256;
// A CPU runs the invocations of a workgroup one vector after the other: more of them only cut its loops short.
constexpr uint32_t kCpuLocalSize = 16;
constexpr uint32_t kCpuLoopGroups = 256;
constexpr uint32_t kMinInvocations = 64;
constexpr uint32_t kMaxGroups = 65'535;
constexpr uint32_t kMaxBuffers = 16;
constexpr uint64_t kMiB = 1 << 20;

constexpr VkMemoryPropertyFlags kDeviceLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

// The types that have all of `needed`, those with most of `liked` first.
std::vector<uint32_t> memory_types(const DeviceSnapshot& snapshot, VkMemoryPropertyFlags needed,
                                   VkMemoryPropertyFlags liked) {
  std::vector<uint32_t> types;
  for (uint32_t i = 0; i < snapshot.memory_types.size(); ++i) {
    if ((snapshot.memory_types[i] & needed) == needed) types.push_back(i);
  }
  std::stable_sort(types.begin(), types.end(), [&](uint32_t a, uint32_t b) {
    return std::popcount(snapshot.memory_types[a] & liked) > std::popcount(snapshot.memory_types[b] & liked);
  });
  return types;
}

std::optional<uint32_t> compute_family(const DeviceSnapshot& snapshot) {
  for (uint32_t i = 0; i < snapshot.queue_families.size(); ++i) {
    if (snapshot.queue_families[i] & VK_QUEUE_COMPUTE_BIT) return i;
  }
  return std::nullopt;
}

int preference(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return 1;
    default:
      return 0;
  }
}

std::string listing(absl::Span<const DeviceSnapshot> devices) {
  std::string text;
  for (size_t i = 0; i < devices.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ", ", i, " (", devices[i].name, ", ", device_type_name(devices[i].type), ")");
  }
  return text;
}

}  // namespace

absl::StatusOr<DevicePlan> make_device_plan(const DeviceSnapshot& snapshot) {
  const auto lacks = [&](std::string_view what) {
    return absl::FailedPreconditionError(
        absl::StrCat("the Vulkan device '", snapshot.name, "' cannot be used: ", std::string(what)));
  };
  if (snapshot.api_version < VK_API_VERSION_1_1) {
    return lacks(absl::StrCat("it is of Vulkan ", VK_API_VERSION_MAJOR(snapshot.api_version), ".",
                              VK_API_VERSION_MINOR(snapshot.api_version), ", but 1.1 is needed"));
  }
  DevicePlan plan;
  const std::optional<uint32_t> family = compute_family(snapshot);
  if (!family.has_value()) return lacks("it has no compute queue");
  plan.queue_family = *family;
  if (snapshot.invocations < kMinInvocations) {
    return lacks(absl::StrCat("a workgroup has at most ", snapshot.invocations, " invocations, but ", kMinInvocations,
                              " are needed"));
  }

  const bool is_cpu = snapshot.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
  plan.is_processor = is_cpu;
  plan.local_size = std::min(std::bit_floor(snapshot.invocations), is_cpu ? kCpuLocalSize : kMaxLocalSize);
  plan.max_groups = std::min(snapshot.group_count, kMaxGroups);
  plan.loop_groups = std::min(plan.max_groups, is_cpu ? kCpuLoopGroups : kMaxGroups);
  plan.max_buffers = std::min(snapshot.storage_buffers, kMaxBuffers);
  plan.buffer_range = snapshot.storage_buffer_range / 4096 * 4096;
  plan.offset_alignment = std::max<uint64_t>(snapshot.offset_alignment, 16);
  plan.shared_bytes = snapshot.shared_bytes;

  // Without the promise of full subgroups a shuffle may read from an invocation that is not there.
  plan.subgroup_size = snapshot.subgroup_size;
  plan.subgroups = snapshot.subgroup_shuffle && snapshot.full_subgroups && snapshot.subgroup_size >= 4 &&
                   snapshot.subgroup_size <= plan.local_size && std::has_single_bit(snapshot.subgroup_size);
  plan.denorm_preserve = snapshot.denorm_preserve;
  plan.rounding_to_even = snapshot.rounding_to_even;
  plan.signed_zero_inf_nan_preserve = snapshot.signed_zero_inf_nan_preserve;
  plan.storage_16bit = snapshot.storage_16bit;

  const bool one_memory = is_cpu || snapshot.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  const std::vector<uint32_t> mapped_local = memory_types(snapshot, kDeviceLocal | kMapped, kCached);
  // Memory that the host reads uncached is no better than a copy.
  plan.unified_memory =
      one_memory && !mapped_local.empty() && (snapshot.memory_types[mapped_local.front()] & kCached) != 0;
  plan.device_memory_types = plan.unified_memory ? mapped_local : memory_types(snapshot, kDeviceLocal, 0);
  plan.staging_memory_types = memory_types(snapshot, kMapped, kCached);
  if (plan.device_memory_types.empty()) return lacks("it has no memory of its own");
  if (plan.staging_memory_types.empty()) return lacks("it has no memory that the host can write to");
  plan.allocation_bytes = snapshot.allocation_bytes;
  plan.memory_bytes = snapshot.device_memory_bytes;
  plan.block_bytes = std::clamp<uint64_t>(snapshot.device_memory_bytes / 64, kMiB, 64 * kMiB);
  plan.block_bytes = std::min(std::bit_floor(plan.block_bytes), std::bit_floor(plan.allocation_bytes));
  plan.staging_slot_bytes = std::min<uint64_t>(4 * kMiB, plan.block_bytes);

  plan.host_import_alignment = snapshot.host_import_alignment;
  plan.host_import = plan.unified_memory && snapshot.host_import_alignment > 0;
  plan.host_import_minimum = is_cpu ? 64 << 10 : 4 * kMiB;

  const auto enable = [&](bool wanted, const char* extension) {
    if (wanted) plan.extensions.push_back(extension);
  };
  enable(plan.denorm_preserve || plan.rounding_to_even || plan.signed_zero_inf_nan_preserve,
         VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME);
  enable(plan.host_import, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  enable(plan.subgroups, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  // A device that says it is not quite Vulkan must be told that we know.
  enable(snapshot.extensions.count("VK_KHR_portability_subset") > 0, "VK_KHR_portability_subset");
  return plan;
}

absl::StatusOr<size_t> choose_device(absl::Span<const DeviceSnapshot> devices, std::string_view wanted) {
  if (devices.empty()) {
    return absl::UnavailableError(
        "there is no Vulkan device: install a driver with 'apt-get install mesa-vulkan-drivers' or the GPU vendor's "
        "package");
  }
  std::optional<size_t> chosen;
  if (wanted.empty()) {
    absl::Status reason;
    for (size_t i = 0; i < devices.size(); ++i) {
      if (const absl::Status usable = make_device_plan(devices[i]).status(); !usable.ok()) {
        reason.Update(usable);
      } else if (!chosen.has_value() || preference(devices[i].type) > preference(devices[*chosen].type)) {
        chosen = i;
      }
    }
    if (!chosen.has_value()) return reason;
    return *chosen;
  }
  size_t index = 0;
  if (absl::SimpleAtoi(absl::string_view(wanted.data(), wanted.size()), &index)) {
    if (index < devices.size()) chosen = index;
  } else {
    const std::string part = absl::AsciiStrToLower(absl::string_view(wanted.data(), wanted.size()));
    for (size_t i = 0; i < devices.size() && !chosen.has_value(); ++i) {
      if (absl::AsciiStrToLower(devices[i].name).find(part) != std::string::npos) chosen = i;
    }
  }
  if (!chosen.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("no Vulkan device is called '", std::string(wanted), "': there are ", listing(devices)));
  }
  PARE_RETURN_IF_ERROR(make_device_plan(devices[*chosen]).status());
  return *chosen;
}

const char* device_type_name(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "CPU";
    default:
      return "other";
  }
}

}  // namespace pare::backends::vulkan
