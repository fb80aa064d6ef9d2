// backends/vulkan/staging_ring.h: copies between the host and memory that it does not see.
//
// Through a few slots that are used in turn, so that the host fills or empties one while the device copies another.

#ifndef PARE_BACKENDS_VULKAN_STAGING_RING_H_
#define PARE_BACKENDS_VULKAN_STAGING_RING_H_

#include <array>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/vulkan/buffer.h"
#include "backends/vulkan/command_batch.h"
#include "backends/vulkan/logical_device.h"
#include "backends/vulkan/memory_block.h"

namespace pare::backends::vulkan {

class StagingRing {
 public:
  static absl::StatusOr<std::unique_ptr<StagingRing>> create(LogicalDevice& device);

  // to.bytes bytes. `from` may be changed afterwards; the copy itself is in the order of the batch.
  absl::Status upload(CommandBatch& batch, const Buffer& to, const void* from);
  // Returns when the bytes are there.
  absl::Status download(CommandBatch& batch, void* to, const Buffer& from);

 private:
  static constexpr size_t kSlots = 3;

  Buffer slot(size_t index, uint64_t bytes) const;

  uint64_t slot_bytes_ = 0;
  std::unique_ptr<MemoryBlock> memory_;
  std::array<uint64_t, kSlots> last_use_{};  // the submission
  size_t next_ = 0;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_STAGING_RING_H_
