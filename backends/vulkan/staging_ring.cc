#include "backends/vulkan/staging_ring.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/status_macros.h"

namespace pare::backends::vulkan {

absl::StatusOr<std::unique_ptr<StagingRing>> StagingRing::create(LogicalDevice& device) {
  auto ring = std::make_unique<StagingRing>();
  ring->slot_bytes_ = device.plan().staging_slot_bytes;
  PARE_ASSIGN_OR_RETURN(ring->memory_, MemoryBlock::allocate(device, kSlots * ring->slot_bytes_,
                                                             device.plan().staging_memory_types, true));
  return ring;
}

Buffer StagingRing::slot(size_t index, uint64_t bytes) const {
  const uint64_t offset = index * slot_bytes_;
  return {memory_->buffer(), offset, bytes, false, memory_->mapped() + offset};
}

absl::Status StagingRing::upload(CommandBatch& batch, const Buffer& to, const void* from) {
  for (uint64_t done = 0; done < to.bytes; done += slot_bytes_) {
    const size_t index = next_++ % kSlots;
    PARE_RETURN_IF_ERROR(batch.wait_for(last_use_[index]));
    const Buffer slot = this->slot(index, std::min(slot_bytes_, to.bytes - done));
    std::memcpy(slot.mapped, static_cast<const char*>(from) + done, slot.bytes);
    last_use_[index] = batch.current();
    PARE_RETURN_IF_ERROR(batch.copy(slot, to.range(done, slot.bytes)));
    // The device copies this while the host fills the next.
    if (done + slot_bytes_ < to.bytes) PARE_RETURN_IF_ERROR(batch.submit());
  }
  return absl::OkStatus();
}

absl::Status StagingRing::download(CommandBatch& batch, void* to, const Buffer& from) {
  struct Running {
    uint64_t submission;
    Buffer slot;
    char* to;
  };
  std::deque<Running> running;
  const auto take_oldest = [&]() -> absl::Status {
    const Running oldest = running.front();
    running.pop_front();
    PARE_RETURN_IF_ERROR(batch.wait_for(oldest.submission));
    std::memcpy(oldest.to, oldest.slot.mapped, oldest.slot.bytes);
    return absl::OkStatus();
  };
  for (uint64_t done = 0; done < from.bytes; done += slot_bytes_) {
    if (running.size() == kSlots) PARE_RETURN_IF_ERROR(take_oldest());
    const size_t index = next_++ % kSlots;
    const Buffer slot = this->slot(index, std::min(slot_bytes_, from.bytes - done));
    last_use_[index] = batch.current();
    running.push_back({batch.current(), slot, static_cast<char*>(to) + done});
    PARE_RETURN_IF_ERROR(batch.copy(from.range(done, slot.bytes), slot));
    PARE_RETURN_IF_ERROR(batch.submit());
  }
  while (!running.empty()) PARE_RETURN_IF_ERROR(take_oldest());
  return absl::OkStatus();
}

}  // namespace pare::backends::vulkan
