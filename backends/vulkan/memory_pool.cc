#include "backends/vulkan/memory_pool.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/vulkan/address_space.h"
#include "base/status_macros.h"

namespace pare::backends::vulkan {

MemoryPool::~MemoryPool() {
  for (const auto& [address, block] : blocks_) AddressSpace::get().release(address);
}

absl::StatusOr<char*> MemoryPool::allocate(uint64_t bytes) {
  const DevicePlan& plan = device_.plan();
  const uint64_t size = RangeAllocator::round_up(std::max<uint64_t>(bytes, 1));
  if (size > plan.allocation_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("the Vulkan device '", device_.snapshot().name, "' has at most ",
                                                     plan.allocation_bytes, " bytes in one allocation, but ", bytes,
                                                     " are asked for"));
  }
  const bool shared = size <= plan.block_bytes / 4;
  for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
    if (block->second.shared != shared || block->second.ranges.largest_free() < size) continue;
    // A large block is used again only by what nearly fills it.
    if (!shared && (!block->second.ranges.empty() || block->second.memory->size() > size + size / 4)) continue;
    return take_from(block, bytes);
  }
  PARE_ASSIGN_OR_RETURN(const Blocks::iterator added, add_block(shared ? plan.block_bytes : size, shared));
  return take_from(added, bytes);
}

absl::Status MemoryPool::free(void* address) {
  const auto place = block_of(address);
  if (place != blocks_.end()) {
    const auto block = blocks_.find(place->first);
    const uint64_t offset = static_cast<char*>(address) - block->first;
    const auto part = block->second.ranges.find(offset);
    if (part.has_value() && block->second.ranges.free(offset)) {
      statistics_.used_bytes -= RangeAllocator::round_up(std::max<uint64_t>(part->size, 1));
      --statistics_.allocations;
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError("Vulkan memory that is freed was not allocated, or is free already");
}

void MemoryPool::trim() {
  for (auto block = blocks_.begin(); block != blocks_.end();) {
    if (!block->second.ranges.empty()) {
      ++block;
      continue;
    }
    statistics_.reserved_bytes -= block->second.memory->size();
    --statistics_.blocks;
    AddressSpace::get().release(block->first);
    block = blocks_.erase(block);
  }
}

std::optional<MemoryPool::Place> MemoryPool::find(const void* address) const {
  const auto block = block_of(address);
  if (block == blocks_.end()) return std::nullopt;
  const uint64_t offset = static_cast<const char*>(address) - block->first;
  const auto part = block->second.ranges.find(offset);
  if (!part.has_value() || offset > part->offset + part->size) return std::nullopt;
  char* mapped = block->second.memory->mapped();
  return Place{block->second.memory->buffer(), offset, part->offset + part->size - offset,
               mapped == nullptr ? nullptr : mapped + offset};
}

char* MemoryPool::take_from(Blocks::iterator block, uint64_t bytes) {
  const uint64_t offset = *block->second.ranges.allocate(bytes);
  statistics_.used_bytes += RangeAllocator::round_up(std::max<uint64_t>(bytes, 1));
  statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.used_bytes);
  ++statistics_.allocations;
  return block->first + offset;
}

absl::StatusOr<MemoryPool::Blocks::iterator> MemoryPool::add_block(uint64_t size, bool shared) {
  if (statistics_.reserved_bytes + size > device_.plan().memory_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the Vulkan device '", device_.snapshot().name, "' has ", device_.plan().memory_bytes,
                     " bytes of memory, of which ", statistics_.used_bytes, " are in use: ", size, " more do not fit"));
  }
  absl::StatusOr<std::unique_ptr<MemoryBlock>> memory =
      MemoryBlock::allocate(device_, size, device_.plan().device_memory_types, device_.plan().unified_memory);
  if (!memory.ok()) {
    return absl::Status(memory.status().code(), absl::StrCat(memory.status().message(), " (", size, " bytes, with ",
                                                             statistics_.reserved_bytes, " taken before)"));
  }
  PARE_ASSIGN_OR_RETURN(char* address, AddressSpace::get().reserve(size, owner_));
  statistics_.reserved_bytes += size;
  ++statistics_.blocks;
  return blocks_.insert({address, Block{*std::move(memory), RangeAllocator(size), shared}}).first;
}

MemoryPool::Blocks::const_iterator MemoryPool::block_of(const void* address) const {
  const auto behind = blocks_.upper_bound(const_cast<char*>(static_cast<const char*>(address)));
  if (behind == blocks_.begin()) return blocks_.end();
  const auto block = std::prev(behind);
  const uint64_t offset = static_cast<const char*>(address) - block->first;
  return offset < block->second.memory->size() ? block : blocks_.end();
}

}  // namespace pare::backends::vulkan
