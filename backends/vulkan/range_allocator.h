// backends/vulkan/range_allocator.h: hands out parts of a range of numbers: of a memory block, of addresses.
//
//   RangeAllocator ranges(1 << 20);
//   std::optional<uint64_t> offset = ranges.allocate(5000);
//   ranges.free(*offset);
//
// Best fit; neighbours that are free are one. A part begins at a multiple of kAlignment and has a multiple of it as its
// size, but knows how much was asked for. Logarithmic time. Not safe for several threads.

#ifndef PARE_BACKENDS_VULKAN_RANGE_ALLOCATOR_H_
#define PARE_BACKENDS_VULKAN_RANGE_ALLOCATOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace pare::backends::vulkan {

class RangeAllocator {
 public:
  static constexpr uint64_t kAlignment = 256;
  static uint64_t round_up(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

  struct Part {
    uint64_t offset = 0;
    uint64_t size = 0;  // as asked for
  };

  explicit RangeAllocator(uint64_t size) { add_free(0, size / kAlignment * kAlignment); }

  // The offset of a free part of that size, at least 1; nothing when none is large enough.
  std::optional<uint64_t> allocate(uint64_t size);

  // False, and nothing changes, if no part begins there.
  bool free(uint64_t offset);

  // The part that holds the number.
  std::optional<Part> find(uint64_t number) const;

  bool empty() const { return parts_.empty(); }
  uint64_t largest_free() const { return by_size_.empty() ? 0 : by_size_.rbegin()->first; }

 private:
  void add_free(uint64_t offset, uint64_t size);
  void remove_free(std::map<uint64_t, uint64_t>::iterator place);

  std::map<uint64_t, uint64_t> parts_;               // offset -> size as asked for
  std::map<uint64_t, uint64_t> free_;                // offset -> size
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // (size, offset) of the same
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_RANGE_ALLOCATOR_H_
