#include "backends/vulkan/device_plan.h"

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

using ::testing::HasSubstr;

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kMapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

// A card as they are sold, with all that is asked for.
DeviceSnapshot card() {
  DeviceSnapshot device;
  device.name = "Big Card 9000";
  device.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  device.api_version = VK_API_VERSION_1_3;
  device.queue_families = {VK_QUEUE_TRANSFER_BIT, VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT};
  device.memory_types = {kMapped, kLocal, kMapped | kCached, kLocal | kMapped};
  device.device_memory_bytes = uint64_t{16} << 30;
  device.storage_buffer_range = (uint64_t{1} << 32) - 1;
  device.offset_alignment = 4;
  device.allocation_bytes = uint64_t{4} << 30;
  device.storage_buffers = 1'000'000;
  device.group_count = 0x7fffffff;
  device.invocations = 1024;
  device.shared_bytes = 48 << 10;
  device.push_constant_bytes = 256;
  device.subgroup_size = 32;
  device.subgroup_shuffle = device.full_subgroups = true;
  device.storage_16bit = true;
  device.denorm_preserve = device.rounding_to_even = device.signed_zero_inf_nan_preserve = true;
  device.host_import_alignment = 4096;
  return device;
}

// The least that Vulkan 1.1 promises, on a chip that shares the host's memory.
DeviceSnapshot small_chip() {
  DeviceSnapshot device;
  device.name = "Small Chip";
  device.type = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  device.api_version = VK_API_VERSION_1_1;
  device.queue_families = {VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT};
  device.memory_types = {kLocal | kMapped};
  device.device_memory_bytes = uint64_t{512} << 20;
  device.storage_buffer_range = 128 << 20;
  device.offset_alignment = 256;
  device.allocation_bytes = 1 << 30;
  device.storage_buffers = 4;
  device.group_count = 65'535;
  device.invocations = 128;
  device.shared_bytes = 16 << 10;
  device.push_constant_bytes = 128;
  device.subgroup_size = 1;
  return device;
}

DevicePlan plan_of(const DeviceSnapshot& device) {
  const auto plan = make_device_plan(device);
  EXPECT_EQ(plan.status(), absl::OkStatus());
  return plan.ok() ? *plan : DevicePlan();
}

bool enables(const DevicePlan& plan, const char* extension) {
  return std::any_of(plan.extensions.begin(), plan.extensions.end(),
                     [&](const char* enabled) { return std::strcmp(enabled, extension) == 0; });
}

TEST(DevicePlan, OfACard) {
  const DevicePlan plan = plan_of(card());
  EXPECT_EQ(plan.queue_family, 1);
  EXPECT_EQ(plan.local_size, 256);
  EXPECT_EQ(plan.max_groups, 65'535);
  EXPECT_EQ(plan.buffer_range, (uint64_t{1} << 32) - 4096);
  EXPECT_EQ(plan.offset_alignment, 16);
  EXPECT_EQ(plan.max_buffers, 16);
  EXPECT_TRUE(plan.subgroups);
  EXPECT_FALSE(plan.unified_memory);
  EXPECT_FALSE(plan.host_import) << "each pass would go over the bus";
  EXPECT_EQ(plan.device_memory_types.front(), 1);
  EXPECT_EQ(plan.staging_memory_types.front(), 2) << "the host reads from it";
  EXPECT_TRUE(enables(plan, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME));
  EXPECT_TRUE(enables(plan, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME));
  EXPECT_FALSE(enables(plan, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME));
}

TEST(DevicePlan, OfTheLeastThatVulkanPromises) {
  const DevicePlan plan = plan_of(small_chip());
  EXPECT_EQ(plan.local_size, 128);
  EXPECT_EQ(plan.max_groups, 65'535);
  EXPECT_EQ(plan.buffer_range, 128 << 20);
  EXPECT_EQ(plan.offset_alignment, 256);
  EXPECT_EQ(plan.max_buffers, 4);
  EXPECT_FALSE(plan.subgroups);
  EXPECT_FALSE(plan.storage_16bit);
  EXPECT_FALSE(plan.denorm_preserve);
  EXPECT_FALSE(plan.host_import);
  EXPECT_FALSE(plan.unified_memory) << "its memory is slow for the host to read";
  EXPECT_TRUE(plan.extensions.empty());
  EXPECT_LE(plan.staging_slot_bytes, plan.block_bytes);
}

TEST(DevicePlan, SubgroupsOfEverySize) {
  for (uint32_t size : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
    DeviceSnapshot device = card();
    device.subgroup_size = size;
    EXPECT_EQ(plan_of(device).subgroups, size >= 4) << size;
    device.invocations = 64;
    EXPECT_EQ(plan_of(device).subgroups, size >= 4 && size <= 64) << size << " in workgroups of 64";
  }
  DeviceSnapshot device = card();
  device.full_subgroups = false;
  EXPECT_FALSE(plan_of(device).subgroups);
  device = card();
  device.subgroup_shuffle = false;
  EXPECT_FALSE(plan_of(device).subgroups);
}

TEST(DevicePlan, WorkgroupsArePowersOfTwo) {
  DeviceSnapshot device = card();
  device.invocations = 200;
  EXPECT_EQ(plan_of(device).local_size, 128);
  device.group_count = 1000;
  EXPECT_EQ(plan_of(device).max_groups, 1000);
  EXPECT_EQ(plan_of(device).loop_groups, 1000);
}

TEST(DevicePlan, SoftwareIsKnownAsSuch) {
  DeviceSnapshot device = card();
  EXPECT_FALSE(plan_of(device).is_processor);
  device.type = VK_PHYSICAL_DEVICE_TYPE_CPU;
  EXPECT_TRUE(plan_of(device).is_processor);
}

TEST(DevicePlan, HostMemoryIsImportedWhereItIsTheDevicesOwn) {
  DeviceSnapshot device = card();
  for (VkPhysicalDeviceType type : {VK_PHYSICAL_DEVICE_TYPE_CPU, VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU}) {
    device.type = type;
    device.memory_types = {kLocal | kMapped, kLocal | kMapped | kCached};
    const DevicePlan plan = plan_of(device);
    EXPECT_TRUE(plan.unified_memory);
    EXPECT_EQ(plan.device_memory_types.front(), 1);
    EXPECT_TRUE(plan.host_import);
    EXPECT_TRUE(enables(plan, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME));
    DeviceSnapshot without = device;
    without.host_import_alignment = 0;
    EXPECT_FALSE(plan_of(without).host_import);
  }
}

TEST(DevicePlan, NamesWhatADeviceLacks) {
  const auto error_of = [](const DeviceSnapshot& device) {
    const absl::Status status = make_device_plan(device).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    return std::string(status.message());
  };
  DeviceSnapshot device = card();
  device.api_version = VK_API_VERSION_1_0;
  EXPECT_THAT(error_of(device), HasSubstr("'Big Card 9000' cannot be used: it is of Vulkan 1.0, but 1.1 is needed"));
  device = card();
  device.queue_families = {VK_QUEUE_TRANSFER_BIT};
  EXPECT_THAT(error_of(device), HasSubstr("no compute queue"));
  device = card();
  device.invocations = 32;
  EXPECT_THAT(error_of(device), HasSubstr("at most 32 invocations"));
  device = card();
  device.memory_types = {kLocal};
  EXPECT_THAT(error_of(device), HasSubstr("no memory that the host can write to"));
}

TEST(DeviceChoice, PrefersTheBestKindThatCanBeUsed) {
  DeviceSnapshot cpu = card();
  cpu.name = "llvmpipe (LLVM)";
  cpu.type = VK_PHYSICAL_DEVICE_TYPE_CPU;
  DeviceSnapshot old_card = card();
  old_card.name = "Old Card";
  old_card.api_version = VK_API_VERSION_1_0;
  DeviceSnapshot virtual_card = card();
  virtual_card.name = "Virtual Card";
  virtual_card.type = VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU;
  const std::vector<DeviceSnapshot> devices = {cpu, old_card, virtual_card, small_chip(), card(), card()};
  EXPECT_EQ(*choose_device(devices, ""), 4);
  EXPECT_EQ(*choose_device(absl::MakeConstSpan(devices).subspan(0, 4), ""), 3);
  EXPECT_EQ(*choose_device(absl::MakeConstSpan(devices).subspan(0, 3), ""), 2);
  EXPECT_EQ(*choose_device(absl::MakeConstSpan(devices).subspan(0, 2), ""), 0);

  EXPECT_EQ(*choose_device(devices, "5"), 5);
  EXPECT_EQ(*choose_device(devices, "LLVMpipe"), 0);
  EXPECT_EQ(*choose_device(devices, "chip"), 3);
  EXPECT_EQ(choose_device(devices, "old").status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* name : {"6", "-1", "radeon"}) {
    const absl::Status status = choose_device(devices, name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(status.message(), HasSubstr("0 (llvmpipe (LLVM), CPU), 1 (Old Card, discrete GPU)"));
  }
  EXPECT_THAT(choose_device({}, "").status().message(), HasSubstr("mesa-vulkan-drivers"));
  EXPECT_EQ(choose_device({}, "0").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(choose_device({old_card}, "").status().message(), HasSubstr("Vulkan 1.0"));
}

}  // namespace
}  // namespace pare::backends::vulkan
