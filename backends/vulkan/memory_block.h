// backends/vulkan/memory_block.h: device memory from the driver, with one buffer over all of it.

#ifndef PARE_BACKENDS_VULKAN_MEMORY_BLOCK_H_
#define PARE_BACKENDS_VULKAN_MEMORY_BLOCK_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "backends/vulkan/logical_device.h"

namespace pare::backends::vulkan {

class MemoryBlock {
 public:
  // In the first of the memory types that a buffer can have; mapped if wanted, all of the types being visible to the
  // host. Error: ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<MemoryBlock>> allocate(LogicalDevice& device, uint64_t size,
                                                               const std::vector<uint32_t>& memory_types, bool mapped);

  // Host memory as device memory, in place: `pages` and size are multiples of the plan's host_import_alignment. The
  // driver may refuse what it cannot pin, which is an error.
  static absl::StatusOr<std::unique_ptr<MemoryBlock>> import_host(LogicalDevice& device, void* pages, uint64_t size);

  MemoryBlock(const MemoryBlock&) = delete;
  MemoryBlock& operator=(const MemoryBlock&) = delete;
  // The device must be done with it.
  ~MemoryBlock();

  VkBuffer buffer() const { return buffer_; }
  uint64_t size() const { return size_; }
  char* mapped() const { return mapped_; }  // null if not mapped

 private:
  explicit MemoryBlock(LogicalDevice& device) : device_(device) {}

  absl::Status create_buffer(uint64_t size, const void* next);

  LogicalDevice& device_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  uint64_t size_ = 0;
  char* mapped_ = nullptr;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_MEMORY_BLOCK_H_
