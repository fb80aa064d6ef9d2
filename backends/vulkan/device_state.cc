#include "backends/vulkan/device_state.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/cache_file.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {

absl::StatusOr<std::unique_ptr<Device>> DeviceState::open(size_t index, const DeviceOptions& options) {
  PARE_ASSIGN_OR_RETURN(const Instance* instance, instance());
  if (index >= instance->devices.size()) {
    return absl::NotFoundError(
        absl::StrCat("there is no Vulkan device ", index, ": there are ", instance->devices.size()));
  }
  std::unique_ptr<DeviceState> owned(new DeviceState);
  DeviceState& state = *owned;
  state.properties_ = describe_device(index, instance->devices[index].snapshot);
  PARE_ASSIGN_OR_RETURN(state.logical_, LogicalDevice::create(*instance, instance->devices[index], options));
  PARE_ASSIGN_OR_RETURN(state.pipelines_, Pipelines::create(*state.logical_, options.pipeline_cache_folder.empty()
                                                                                 ? cache_folder()
                                                                                 : options.pipeline_cache_folder));
  PARE_ASSIGN_OR_RETURN(state.batch_, CommandBatch::create(*state.logical_));
  auto device = std::make_unique<Device>(std::move(owned));
  state.pool_ = std::make_unique<MemoryPool>(*state.logical_, device.get());
  PARE_ASSIGN_OR_RETURN(char* nothing, state.pool_->allocate(RangeAllocator::kAlignment));
  PARE_ASSIGN_OR_RETURN(state.nothing_, state.find(nothing, RangeAllocator::kAlignment));
  return device;
}

DeviceState::~DeviceState() {
  // What was submitted ends before its memory goes.
  batch_.reset();
}

absl::StatusOr<char*> DeviceState::allocate(uint64_t bytes) {
  PARE_RETURN_IF_ERROR(logical_->status());
  absl::StatusOr<char*> address = pool_->allocate(bytes);
  if (address.ok() || !absl::IsResourceExhausted(address.status())) return address;
  PARE_RETURN_IF_ERROR(batch_->wait());
  pool_->trim();
  return pool_->allocate(bytes);
}

void DeviceState::free(char* address) { pool_->free(address).IgnoreError(); }

absl::StatusOr<Buffer> DeviceState::find(const void* address, uint64_t bytes) const {
  const std::optional<MemoryPool::Place> place = pool_->find(address);
  if (!place.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the address is no memory of the Vulkan device '", properties_.name, "', or it was freed"));
  }
  if (place->available < bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        bytes, " bytes of Vulkan memory are asked for where the allocation has ", place->available, " left"));
  }
  return Buffer{place->buffer, place->offset, bytes, false, place->mapped};
}

absl::Status DeviceState::upload(const Buffer& to, const void* from) {
  PARE_RETURN_IF_ERROR(logical_->status());
  if (to.bytes == 0) return absl::OkStatus();
  staged_bytes += to.bytes;
  if (to.mapped == nullptr || !batch_->idle()) {
    // A few bytes travel with the commands, and nobody waits.
    if (to.bytes <= CommandBatch::kMaxUpdate && to.bytes % 4 == 0 && to.offset % 4 == 0)
      return batch_->update(to, from);
  }
  if (to.mapped != nullptr) {
    PARE_RETURN_IF_ERROR(batch_->wait());
    std::memcpy(to.mapped, from, to.bytes);
    return absl::OkStatus();
  }
  if (ring_ == nullptr) {
    PARE_ASSIGN_OR_RETURN(ring_, StagingRing::create(*logical_));
  }
  return ring_->upload(*batch_, to, from);
}

absl::Status DeviceState::download(void* to, const Buffer& from) {
  PARE_RETURN_IF_ERROR(batch_->wait());
  if (from.bytes == 0) return absl::OkStatus();
  staged_bytes += from.bytes;
  if (from.mapped != nullptr) {
    std::memcpy(to, from.mapped, from.bytes);
    return absl::OkStatus();
  }
  if (ring_ == nullptr) {
    PARE_ASSIGN_OR_RETURN(ring_, StagingRing::create(*logical_));
  }
  return ring_->download(*batch_, to, from);
}

DeviceProperties describe_device(size_t index, const DeviceSnapshot& snapshot) {
  DeviceProperties properties;
  properties.index = index;
  properties.name = snapshot.name;
  properties.type = device_type_name(snapshot.type);
  properties.driver = snapshot.driver;
  properties.api_version =
      absl::StrCat(VK_API_VERSION_MAJOR(snapshot.api_version), ".", VK_API_VERSION_MINOR(snapshot.api_version));
  const absl::StatusOr<DevicePlan> plan = make_device_plan(snapshot);
  properties.usable = plan.status();
  if (!plan.ok()) return properties;
  properties.memory_bytes = plan->memory_bytes;
  properties.max_allocation_bytes = plan->allocation_bytes;
  properties.max_buffer_bytes = plan->buffer_range;
  properties.local_size = plan->local_size;
  properties.max_groups = plan->max_groups;
  properties.subgroup_size = plan->subgroup_size;
  properties.subgroups = plan->subgroups;
  properties.unified_memory = plan->unified_memory;
  properties.host_import = plan->host_import;
  properties.storage_16bit = plan->storage_16bit;
  properties.preserves_denormals = plan->denorm_preserve;
  return properties;
}

}  // namespace pare::backends::vulkan
