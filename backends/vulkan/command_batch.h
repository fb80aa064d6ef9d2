// backends/vulkan/command_batch.h: work for the device, recorded into few submissions.
//
// Commands run in the order in which they are recorded, as if one after the other: a barrier stands between two that
// touch the same bytes, one of them writing, and nowhere else. They reach the device when a batch is full, at submit(),
// or at wait(). After an error the batch drops what it could not submit. Not safe for several threads.

#ifndef PARE_BACKENDS_VULKAN_COMMAND_BATCH_H_
#define PARE_BACKENDS_VULKAN_COMMAND_BATCH_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/vulkan/buffer.h"
#include "backends/vulkan/logical_device.h"
#include "backends/vulkan/pipelines.h"

namespace pare::backends::vulkan {

class CommandBatch {
 public:
  static absl::StatusOr<std::unique_ptr<CommandBatch>> create(LogicalDevice& device);
  CommandBatch(const CommandBatch&) = delete;
  CommandBatch& operator=(const CommandBatch&) = delete;
  // Waits for what was submitted; drops what was not.
  ~CommandBatch();

  // One binding for each range, in this order.
  absl::Status dispatch(const Pipeline& pipeline, absl::Span<const Buffer> buffers,
                        absl::Span<const uint8_t> push_constants, uint32_t groups);
  // from.bytes bytes; the two do not overlap. No alignment is asked for.
  absl::Status copy(const Buffer& from, const Buffer& to);
  // Offset and size are multiples of 4.
  absl::Status fill(const Buffer& range, uint32_t value);
  // As fill, at most kMaxUpdate bytes. The data is taken at once.
  static constexpr uint64_t kMaxUpdate = 65'536;
  absl::Status update(const Buffer& range, const void* data);

  absl::Status submit();
  // Submits, and returns when the device has done everything; after an error, everything that was submitted.
  absl::Status wait();
  // The number of the submission that the next command will be in, and the wait for it.
  uint64_t current() const { return next_; }
  absl::Status wait_for(uint64_t submission);
  // Nothing is recorded or running.
  bool idle() const { return !recording_ && done_ + 1 == next_; }

  uint64_t submissions() const { return next_ - 1; }
  uint64_t dispatches() const { return dispatches_; }

 private:
  // What one submission needs; used again when that is done.
  struct Frame {
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer commands = VK_NULL_HANDLE;
    VkFence fence = VK_NULL_HANDLE;
    std::vector<VkDescriptorPool> pages;
    size_t page = 0;  // the one that sets are taken from
    uint64_t submission = 0;
  };

  explicit CommandBatch(LogicalDevice& device) : device_(device) {}

  Frame& frame() { return frames_[next_ % frames_.size()]; }
  absl::Status create_frame(Frame& frame);
  // Makes sure that a command buffer is open.
  absl::Status begin();
  // A barrier, if one is needed before a command that touches these.
  void order(absl::Span<const Buffer> ranges);
  void barrier(VkPipelineStageFlags later, VkAccessFlags access);
  absl::Status recorded();
  absl::StatusOr<VkDescriptorSet> allocate_set(VkDescriptorSetLayout layout);

  LogicalDevice& device_;
  std::array<Frame, 4> frames_;
  bool recording_ = false;
  uint64_t next_ = 1;  // the number of the submission being recorded
  uint64_t done_ = 0;
  int commands_ = 0;  // recorded in it
  uint64_t dispatches_ = 0;
  std::vector<Buffer> touched_;  // since the last barrier
  bool dropped_ = false;         // a recorded barrier may never have run
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_COMMAND_BATCH_H_
