// backends/vulkan/memory_pool.h: device memory in pooled blocks, under addresses of the AddressSpace.
//
// Small allocations share a block, large ones have their own; freed memory is kept for the next allocation. Memory may
// be handed out again while the device still works on what it held before: all its work is in order, so the new owner's
// dispatches come later. Only the host must wait before it touches mapped memory. Not safe for several threads.

#ifndef PARE_BACKENDS_VULKAN_MEMORY_POOL_H_
#define PARE_BACKENDS_VULKAN_MEMORY_POOL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/memory_block.h"
#include "backends/vulkan/range_allocator.h"

namespace pare::backends::vulkan {

class MemoryPool {
 public:
  // `owner` is what the AddressSpace says of the addresses.
  MemoryPool(LogicalDevice& device, Device* owner) : device_(device), owner_(owner) {}
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  // The device must be done with all of it.
  ~MemoryPool();

  // An address of at least `bytes` bytes, aligned to 256, with at least as much room behind them as fills the last 16
  // bytes. Error: ResourceExhausted.
  absl::StatusOr<char*> allocate(uint64_t bytes);

  // Error: InvalidArgument if allocate() did not return it.
  absl::Status free(void* address);

  // Gives blocks that hold nothing back to the driver. The device must be done with them.
  void trim();

  // Where an address lies.
  struct Place {
    VkBuffer buffer = VK_NULL_HANDLE;
    uint64_t offset = 0;     // in the buffer
    uint64_t available = 0;  // bytes up to the end of the allocation, as it was asked for
    char* mapped = nullptr;  // where the host sees it, or null
  };
  std::optional<Place> find(const void* address) const;

  const MemoryStatistics& statistics() const { return statistics_; }

 private:
  struct Block {
    std::unique_ptr<MemoryBlock> memory;
    RangeAllocator ranges;
    bool shared;  // by small allocations
  };
  using Blocks = std::map<char*, Block>;  // by address

  char* take_from(Blocks::iterator block, uint64_t bytes);
  absl::StatusOr<Blocks::iterator> add_block(uint64_t size, bool shared);
  Blocks::const_iterator block_of(const void* address) const;

  LogicalDevice& device_;
  Device* const owner_;
  Blocks blocks_;
  MemoryStatistics statistics_;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_MEMORY_POOL_H_
