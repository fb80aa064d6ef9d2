#include "backends/vulkan/range_allocator.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

TEST(RangeAllocator, KnowsItsParts) {
  RangeAllocator ranges(1024 + 100);
  EXPECT_EQ(ranges.largest_free(), 1024);
  EXPECT_EQ(ranges.allocate(1), 0);
  EXPECT_EQ(ranges.allocate(257), 256);
  EXPECT_EQ(ranges.allocate(257), std::nullopt);
  EXPECT_EQ(ranges.find(255)->size, 1);
  EXPECT_EQ(ranges.find(600)->offset, 256);
  EXPECT_FALSE(ranges.find(800).has_value());
  EXPECT_FALSE(ranges.free(100));
  EXPECT_TRUE(ranges.free(0));
  EXPECT_FALSE(ranges.free(0));
  EXPECT_FALSE(ranges.empty());
  EXPECT_TRUE(ranges.free(256));
  EXPECT_TRUE(ranges.empty());
  EXPECT_EQ(ranges.largest_free(), 1024);
}

TEST(RangeAllocator, NeverOverlapsAndLosesNothing) {
  constexpr uint64_t kSize = 1 << 20;
  RangeAllocator ranges(kSize);
  std::mt19937 random(7);
  std::map<uint64_t, uint64_t> parts;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0 || parts.empty()) {
      const uint64_t size = 1 + random() % (random() % 10 == 0 ? 100'000 : 3'000);
      const auto offset = ranges.allocate(size);
      if (!offset.has_value()) continue;
      EXPECT_EQ(*offset % RangeAllocator::kAlignment, 0);
      EXPECT_LE(*offset + size, kSize);
      const auto behind = parts.lower_bound(*offset);
      if (behind != parts.end()) {
        EXPECT_LE(*offset + size, behind->first);
      }
      if (behind != parts.begin()) {
        EXPECT_LE(std::prev(behind)->first + std::prev(behind)->second, *offset);
      }
      parts[*offset] = size;
    } else {
      const auto part = std::next(parts.begin(), random() % parts.size());
      EXPECT_TRUE(ranges.free(part->first));
      parts.erase(part);
    }
  }
  for (const auto& [offset, size] : parts) {
    EXPECT_EQ(ranges.find(offset + size - 1)->offset, offset);
    EXPECT_TRUE(ranges.free(offset));
  }
  EXPECT_EQ(ranges.largest_free(), kSize);
}

}  // namespace
}  // namespace pare::backends::vulkan
