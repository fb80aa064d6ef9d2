// What the pool does where the system does not take back what it is given.

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <vector>

#include "base/memory_pool.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

char* must_allocate(MemoryPool& pool, size_t bytes) {
  const absl::StatusOr<void*> block = pool.allocate(bytes);
  EXPECT_TRUE(block.ok()) << block.status();
  return static_cast<char*>(block.value_or(nullptr));
}

size_t resident_bytes() {
  size_t mapped = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> mapped >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// A system that refuses what a test says, and is the real one otherwise.
struct Refusals {
  bool munmap = false;
  char* locked = nullptr;  // madvise() refuses the block that begins here, as it does for locked memory.
};
Refusals refusals;

MemoryPoolSystem refusing_system() {
  refusals = {};
  return {.munmap = [](void* address, size_t bytes) { return refusals.munmap ? -1 : ::munmap(address, bytes); },
          .madvise =
              [](void* address, size_t bytes, int advice) {
                const bool refuses = advice == MADV_DONTNEED && address == refusals.locked;
                return refuses ? -1 : ::madvise(address, bytes, advice);
              }};
}

TEST(MemoryPoolRefusals, ASegmentThatTheSystemDoesNotTakeGivesItsPagesAndIsUsedAgain) {
  MemoryPool pool({.huge_pages = false}, refusing_system());
  char* const first = must_allocate(pool, 48 * kMebibyte);
  std::memset(first, 1, 48 * kMebibyte);
  const size_t before = resident_bytes();
  pool.free(first);
  refusals.munmap = true;
  EXPECT_EQ(pool.trim(), 48 * kMebibyte);
  EXPECT_LT(resident_bytes(), before - 30 * kMebibyte);
  EXPECT_EQ(pool.statistics().bytes_reserved, 0);
  EXPECT_EQ(pool.statistics().bytes_mapped, 48 * kMebibyte);
  EXPECT_EQ(pool.statistics().segments, 1);

  char* const again = must_allocate(pool, 48 * kMebibyte);
  EXPECT_EQ(again, first);
  EXPECT_EQ(again[kMebibyte], 0) << "new pages";
  EXPECT_EQ(pool.statistics().segments, 1);
  pool.free(again);
  refusals.munmap = false;
  EXPECT_EQ(pool.trim(), 48 * kMebibyte);
  EXPECT_EQ(pool.statistics().bytes_mapped, 0);
  EXPECT_EQ(pool.statistics().segments, 0);
}

TEST(MemoryPoolRefusals, EdgesThatTheSystemDoesNotTakeArePartOfTheSegment) {
  MemoryPool pool({.huge_pages = false}, refusing_system());
  refusals.munmap = true;
  char* const block = must_allocate(pool, 32 * kMebibyte);
  std::memset(block, 1, 32 * kMebibyte);
  EXPECT_EQ(pool.statistics().bytes_mapped, 34 * kMebibyte);
  char* const rest = must_allocate(pool, 2 * kMebibyte);
  std::memset(rest, 2, 2 * kMebibyte);
  EXPECT_EQ(pool.statistics().segments, 1);
  EXPECT_EQ(block[32 * kMebibyte - 1], 1);
  pool.free(block);
  pool.free(rest);
  refusals.munmap = false;
  pool.trim();
  EXPECT_EQ(pool.statistics().bytes_mapped, 0) << "the edges as well";
}

TEST(MemoryPoolRefusals, OtherBlocksAreGivenBackInPlaceOfOneThatIsLocked) {
  MemoryPool pool({.huge_pages = false}, refusing_system());
  // Each free block has one in use behind it, so that its segment stays.
  std::vector<char*> freed, kept;
  for (const size_t size : {9 * kMebibyte, 7 * kMebibyte, 5 * kMebibyte, kMebibyte / 2}) {
    freed.push_back(must_allocate(pool, size));
    kept.push_back(must_allocate(pool, size < kMebibyte ? kMebibyte / 4 : kMebibyte));
  }
  for (char* block : freed) pool.free(block);
  const size_t in_use = pool.statistics().bytes_in_use;
  refusals.locked = freed[0];  // The largest, which goes first.
  EXPECT_EQ(pool.trim(), 12 * kMebibyte + kMebibyte / 2);
  EXPECT_EQ(pool.statistics().bytes_reserved, in_use + 9 * kMebibyte);
  EXPECT_EQ(pool.trim(), 0);

  // It serves requests still, and one that needs other pages gives it up once the system takes it.
  EXPECT_EQ(must_allocate(pool, 9 * kMebibyte), freed[0]);
  pool.free(freed[0]);
  refusals.locked = nullptr;
  EXPECT_EQ(pool.trim(), 9 * kMebibyte);
  EXPECT_EQ(pool.statistics().bytes_reserved, in_use);
  for (char* block : kept) pool.free(block);
}

TEST(MemoryPoolRefusals, ALockedBlockDoesNotKeepALimitFromHoldingForTheOthers) {
  MemoryPool pool({.huge_pages = false}, refusing_system());
  char* const locked = must_allocate(pool, 20 * kMebibyte);
  char* const apart = must_allocate(pool, kMebibyte);
  char* const other = must_allocate(pool, 15 * kMebibyte);
  char* const kept = must_allocate(pool, kMebibyte);
  pool.free(locked);
  pool.free(other);
  refusals.locked = locked;
  pool.set_limit(30 * kMebibyte);
  EXPECT_EQ(pool.statistics().bytes_reserved, 22 * kMebibyte) << "of the two, the one that the system takes went back";
  pool.free(apart);
  pool.free(kept);
}

}  // namespace
}  // namespace pare
