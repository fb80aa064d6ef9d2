// backends/vulkan/device_state.h: all that an open device consists of. For the runtime itself: kernels see Call.

#ifndef PARE_BACKENDS_VULKAN_DEVICE_STATE_H_
#define PARE_BACKENDS_VULKAN_DEVICE_STATE_H_

#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/vulkan/buffer.h"
#include "backends/vulkan/command_batch.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/logical_device.h"
#include "backends/vulkan/memory_pool.h"
#include "backends/vulkan/pipelines.h"
#include "backends/vulkan/staging_ring.h"

namespace pare::backends::vulkan {

// Whoever calls anything of it holds `mutex`.
class DeviceState {
 public:
  // Opens the device of that index, as `options` want it.
  static absl::StatusOr<std::unique_ptr<Device>> open(size_t index, const DeviceOptions& options);
  // Waits for the device, and frees all.
  ~DeviceState();

  std::mutex mutex;

  // As the pool's, but before it gives up it waits for the device and gives free blocks back to the driver.
  absl::StatusOr<char*> allocate(uint64_t bytes);
  void free(char* address);  // what allocate() returned

  // The bytes that a device pointer points to. Error: InvalidArgument.
  absl::StatusOr<Buffer> find(const void* address, uint64_t bytes) const;

  absl::Status upload(const Buffer& to, const void* from);
  absl::Status download(void* to, const Buffer& from);

  LogicalDevice& logical() { return *logical_; }
  const DevicePlan& plan() const { return logical_->plan(); }
  MemoryPool& pool() { return *pool_; }
  CommandBatch& batch() { return *batch_; }
  Pipelines& pipelines() { return *pipelines_; }
  // What stands for an empty tensor: a shader must bind something.
  const Buffer& nothing() const { return nothing_; }
  const DeviceProperties& properties() const { return properties_; }

  uint64_t imported_bytes = 0;
  uint64_t staged_bytes = 0;

 private:
  DeviceState() = default;

  DeviceProperties properties_;
  std::unique_ptr<LogicalDevice> logical_;
  std::unique_ptr<Pipelines> pipelines_;
  std::unique_ptr<MemoryPool> pool_;
  std::unique_ptr<StagingRing> ring_;  // made when first needed
  std::unique_ptr<CommandBatch> batch_;
  Buffer nothing_;
};

// What the snapshot and its plan say.
DeviceProperties describe_device(size_t index, const DeviceSnapshot& snapshot);

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_DEVICE_STATE_H_
