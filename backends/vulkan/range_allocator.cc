#include "backends/vulkan/range_allocator.h"

#include <algorithm>
#include <iterator>

namespace pare::backends::vulkan {

std::optional<uint64_t> RangeAllocator::allocate(uint64_t size) {
  const uint64_t rounded = round_up(std::max<uint64_t>(size, 1));
  const auto fitting = by_size_.lower_bound({rounded, 0});
  if (fitting == by_size_.end()) return std::nullopt;
  const auto [available, offset] = *fitting;
  remove_free(free_.find(offset));
  add_free(offset + rounded, available - rounded);
  parts_[offset] = size;
  return offset;
}

bool RangeAllocator::free(uint64_t offset) {
  const auto part = parts_.find(offset);
  if (part == parts_.end()) return false;
  uint64_t begin = offset, end = offset + round_up(std::max<uint64_t>(part->second, 1));
  parts_.erase(part);
  const auto behind = free_.lower_bound(begin);
  if (behind != free_.begin()) {
    const auto before = std::prev(behind);
    if (before->first + before->second == begin) {
      begin = before->first;
      remove_free(before);
    }
  }
  if (behind != free_.end() && behind->first == end) {
    end += behind->second;
    remove_free(behind);
  }
  add_free(begin, end - begin);
  return true;
}

std::optional<RangeAllocator::Part> RangeAllocator::find(uint64_t number) const {
  const auto behind = parts_.upper_bound(number);
  if (behind == parts_.begin()) return std::nullopt;
  const auto part = std::prev(behind);
  if (number - part->first >= round_up(std::max<uint64_t>(part->second, 1))) return std::nullopt;
  return Part{part->first, part->second};
}

void RangeAllocator::add_free(uint64_t offset, uint64_t size) {
  if (size == 0) return;
  free_[offset] = size;
  by_size_.insert({size, offset});
}

void RangeAllocator::remove_free(std::map<uint64_t, uint64_t>::iterator place) {
  by_size_.erase({place->second, place->first});
  free_.erase(place);
}

}  // namespace pare::backends::vulkan
