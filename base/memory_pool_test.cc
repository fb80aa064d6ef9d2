#include "base/memory_pool.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kPage = 4096;
constexpr size_t kMebibyte = size_t{1} << 20;

// Of 4 KiB, as the tests' sizes are multiples of what other systems have, too.
size_t page() { return std::max<size_t>(kPage, static_cast<size_t>(sysconf(_SC_PAGESIZE))); }
size_t in_pages(size_t bytes) { return (bytes + page() - 1) / page() * page(); }

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

TEST(MemoryPool, BlocksAreAlignedApartAndLittleLargerThanAsked) {
  MemoryPool pool({});
  EXPECT_EQ(*pool.allocate(0), nullptr);
  EXPECT_EQ(pool.free(nullptr), 0);
  std::vector<std::pair<char*, size_t>> blocks;
  // Enough small ones that some would lie on a page's boundary.
  for (size_t i = 0; i < 300; ++i) blocks.emplace_back(nullptr, 1 + i * 13);
  for (const size_t size : {kPage - 1, kPage, kPage + 1, size_t{100000}, kMebibyte - 1, kMebibyte, 5 * kMebibyte + 3}) {
    blocks.emplace_back(nullptr, size);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    auto& [block, size] = blocks[i];
    block = must_allocate(pool, size);
    ASSERT_NE(block, nullptr);
    std::memset(block, static_cast<int>(i), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % page() == 0, size >= kPage) << size;
    EXPECT_EQ(pool.size_of(block), size < kPage ? size : in_pages(size));
  }
  size_t in_use = 0;
  for (const auto& [block, size] : blocks) in_use += pool.size_of(block);
  EXPECT_EQ(pool.statistics().bytes_in_use, in_use);
  EXPECT_EQ(pool.statistics().allocations, 307);
  EXPECT_EQ(pool.statistics().small_allocations, 301);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto& [block, size] = blocks[i];
    EXPECT_EQ(block[0], static_cast<char>(i));
    EXPECT_EQ(block[size - 1], static_cast<char>(i));
    pool.free(block);
  }
  EXPECT_EQ(pool.statistics().bytes_in_use, 0);
}

// What a training step does: activations stay until the backward pass takes them, gradients come and go, the first
// step makes what stays, and a log of the loss outlives each step.
class TrainingStep {
 public:
  explicit TrainingStep(MemoryPool& pool) : pool_(pool) {}
  ~TrainingStep() {
    for (char* block : stays_) pool_.free(block);
  }

  void run(size_t batch) {
    std::vector<char*> activations;
    for (size_t layer = 0; layer < 20; ++layer) {
      char* const before_norm = touched(batch * (layer < 7 ? 65536 : layer < 13 ? 32768 : 16384));
      activations.push_back(touched(batch * (layer < 7 ? 65536 : layer < 13 ? 32768 : 16384) + 64));
      if (layer % 3 == 0) activations.push_back(before_norm);
      if (layer % 3 != 0) pool_.free(before_norm);
      activations.push_back(touched(1000 + 4 * layer));
    }
    if (stays_.empty()) {
      for (size_t layer = 0; layer < 20; ++layer) stays_.push_back(touched(2304 << (layer / 4)));
    }
    char* gradient = touched(batch * 16384);
    while (!activations.empty()) {
      char* const next = touched(pool_.size_of(activations.back()));
      pool_.free(gradient);
      pool_.free(activations.back());
      activations.pop_back();
      gradient = next;
    }
    pool_.free(gradient);
  }

 private:
  char* touched(size_t bytes) {
    char* const block = must_allocate(pool_, bytes);
    for (size_t i = 0; i < bytes; i += kPage) block[i] = 1;
    return block;
  }

  MemoryPool& pool_;
  std::vector<char*> stays_;
};

TEST(MemoryPool, AStepThatRepeatsCostsNoSystemCallAndNoPageFault) {
  for (const bool huge_pages : {true, false}) {
    MemoryPool pool({.huge_pages = huge_pages});
    TrainingStep step(pool);
    // The first makes what stays, amid its own blocks; the second lies around that; the third is as all that follow.
    for (int i = 0; i < 3; ++i) step.run(32);
    const MemoryPoolStatistics before = pool.statistics();
    rusage usage_before, usage_after;
    getrusage(RUSAGE_THREAD, &usage_before);
    for (int i = 0; i < 20; ++i) step.run(32);
    getrusage(RUSAGE_THREAD, &usage_after);
    const MemoryPoolStatistics after = pool.statistics();
    EXPECT_EQ(after.system_calls, before.system_calls);
    EXPECT_EQ(after.cache_hits - before.cache_hits,
              (after.allocations - after.small_allocations) - (before.allocations - before.small_allocations));
    EXPECT_EQ(after.bytes_reserved, before.bytes_reserved);
    // A fault or two may be the system's own doing; the steps touch some 200,000 pages.
    // Sanitizers keep what malloc() gave from being used again.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(usage_after.ru_minflt - usage_before.ru_minflt, 50);
#endif
    EXPECT_LT(after.peak_bytes_reserved, after.peak_bytes_in_use * 5 / 4);
    // The last batch of an epoch is smaller, and takes mostly what the others leave.
    const auto epoch = [&] {
      step.run(21);
      step.run(32);
    };
    for (int i = 0; i < 3; ++i) epoch();
    const MemoryPoolStatistics settled = pool.statistics();
    epoch();
    EXPECT_EQ(pool.statistics().system_calls, settled.system_calls);
    EXPECT_EQ(pool.statistics().bytes_reserved, settled.bytes_reserved);
    EXPECT_LT(settled.bytes_reserved, settled.peak_bytes_in_use * 3 / 2);
  }
}

TEST(MemoryPool, WasteIsBounded) {
  MemoryPool pool({});
  std::mt19937_64 random(7);
  std::vector<std::pair<void*, size_t>> blocks;
  size_t in_use = 0, most = 0;
  for (int i = 0; i < 40000; ++i) {
    // Grows and shrinks, with other sizes each time: what a cache of exact sizes would keep without end.
    const bool grows = (i / 1000) % 2 == 0;
    if (blocks.empty() || random() % 10 < (grows ? 7 : 3)) {
      const size_t size = static_cast<size_t>(std::exp2(12.0 + (random() % 1000) / 1000.0 * 13.0));
      blocks.emplace_back(must_allocate(pool, size), in_pages(size));
      in_use += blocks.back().second;
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      ASSERT_EQ(pool.free(blocks.back().first), blocks.back().second);
      in_use -= blocks.back().second;
      blocks.pop_back();
    }
    most = std::max(most, in_use);
    if (i % 7919 == 0) {
      pool.trim();
      most = in_use;
      ASSERT_EQ(pool.statistics().bytes_reserved, in_use);
    }
    const MemoryPoolStatistics now = pool.statistics();
    ASSERT_EQ(now.bytes_in_use, in_use);
    ASSERT_GE(now.bytes_reserved, in_use);
    ASSERT_LE(now.bytes_reserved, most + most / 2 + 64 * kMebibyte);
    ASSERT_GE(now.bytes_mapped, now.bytes_reserved);
  }
  // Best fit leaves little between blocks: addresses stay in bounds as well.
  EXPECT_LT(pool.statistics().bytes_mapped, 3 * pool.statistics().peak_bytes_in_use);
  for (const auto& [block, size] : blocks) pool.free(block);
  pool.trim();
  EXPECT_EQ(pool.statistics().bytes_reserved, 0);
  EXPECT_EQ(pool.statistics().bytes_mapped, 0);
  EXPECT_EQ(pool.statistics().segments, 0);
}

TEST(MemoryPool, TrimGivesPagesBackAndSparesWhatIsInUse) {
  MemoryPool pool({.huge_pages = false});
  const size_t before = resident_bytes();
  char* const freed = must_allocate(pool, 48 * kMebibyte);
  char* const kept = must_allocate(pool, 4 * kMebibyte);
  std::memset(freed, 1, 48 * kMebibyte);
  std::memset(kept, 2, 4 * kMebibyte);
  pool.free(freed);
  EXPECT_GT(resident_bytes(), before + 50 * kMebibyte);
  EXPECT_EQ(pool.statistics().bytes_reserved, 52 * kMebibyte);
  EXPECT_EQ(pool.trim(), 48 * kMebibyte);
  EXPECT_LT(resident_bytes(), before + 30 * kMebibyte) << "48 MiB went back, whatever a sanitizer holds for itself";
  EXPECT_EQ(pool.statistics().bytes_reserved, 4 * kMebibyte);
  EXPECT_EQ(kept[0], 2);
  EXPECT_EQ(kept[4 * kMebibyte - 1], 2);
  EXPECT_EQ(pool.trim(), 0);
  pool.free(kept);
}

TEST(MemoryPool, TheLimitHoldsAndFailsOnlyForWhatIsInUse) {
  MemoryPool pool({.limit_bytes = 100 * kMebibyte});
  // Free blocks that lie scattered do not stand in the way.
  std::vector<char*> blocks;
  for (int i = 0; i < 48; ++i) blocks.push_back(must_allocate(pool, 2 * kMebibyte));
  for (int i = 0; i < 48; i += 2) pool.free(std::exchange(blocks[i], nullptr));
  char* const large = must_allocate(pool, 50 * kMebibyte);
  EXPECT_LE(pool.statistics().bytes_reserved, 100 * kMebibyte);
  const absl::StatusOr<void*> too_much = pool.allocate(3 * kMebibyte);
  EXPECT_EQ(too_much.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(too_much.status().message()),
              AllOf(HasSubstr("out of memory: 3.0 MiB"), HasSubstr("98.0 MiB are in use"),
                    HasSubstr("the limit is 100.0 MiB"), HasSubstr("smaller batch")));
  EXPECT_EQ(pool.statistics().bytes_in_use, 98 * kMebibyte);
  char* const rest = must_allocate(pool, 2 * kMebibyte);
  EXPECT_FALSE(pool.allocate(100).ok()) << "small blocks count";

  pool.set_limit(10 * kMebibyte);
  EXPECT_FALSE(pool.allocate(kPage).ok());
  pool.free(large);
  pool.free(rest);
  EXPECT_FALSE(pool.allocate(kPage).ok()) << "48 MiB are still in use";
  pool.set_limit(0);
  pool.free(must_allocate(pool, 200 * kMebibyte));
  pool.set_limit(60 * kMebibyte);
  EXPECT_LE(pool.statistics().bytes_reserved, 60 * kMebibyte);
  for (char* block : blocks) pool.free(block);
}

TEST(MemoryPool, SizesBeyondAllMemoryAreRefused) {
  MemoryPool pool({});
  char* const block = must_allocate(pool, kMebibyte);
  for (const size_t size : {std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max() - 5000,
                            size_t{1} << 63, size_t{1} << 47}) {
    EXPECT_EQ(pool.allocate(size).status().code(), absl::StatusCode::kResourceExhausted) << size;
  }
  EXPECT_EQ(pool.statistics().bytes_in_use, kMebibyte);
  pool.free(block);
}

TEST(MemoryPool, PeaksBeginAnew) {
  MemoryPool pool({});
  pool.free(must_allocate(pool, 20 * kMebibyte));
  char* const block = must_allocate(pool, 3 * kMebibyte);
  EXPECT_EQ(pool.statistics().peak_bytes_in_use, 20 * kMebibyte);
  EXPECT_EQ(pool.statistics().peak_bytes_reserved, 20 * kMebibyte);
  pool.trim();
  pool.reset_peaks();
  EXPECT_EQ(pool.statistics().peak_bytes_in_use, 3 * kMebibyte);
  EXPECT_EQ(pool.statistics().peak_bytes_reserved, 3 * kMebibyte);
  EXPECT_EQ(pool.statistics().to_string(), "3.0 MiB in use, at most 3.0 MiB; 3.0 MiB reserved, at most 3.0 MiB");
  pool.free(block);
}

// Each thread frees what another one has allocated, and finds in it what that one wrote. A limit makes pages go back
// all the time.
TEST(MemoryPool, ThreadsShareIt) {
  MemoryPool pool({.limit_bytes = 24 * kMebibyte});
  constexpr size_t kSlots = 16;
  struct Entry {
    char* block;
    size_t size;
  };
  std::atomic<Entry*> slots[kSlots] = {};
  const auto check_and_free = [&](Entry* entry) {
    if (entry == nullptr) return;
    const char mark = static_cast<char>(entry->size);
    EXPECT_EQ(entry->block[0], mark);
    EXPECT_EQ(entry->block[entry->size - 1], mark);
    pool.free(entry->block);
    delete entry;
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 3000; ++i) {
        const size_t size = size_t{1} << (random() % 12 + 9) | random() % 512;
        Entry* entry = nullptr;
        if (const absl::StatusOr<void*> block = pool.allocate(size); block.ok()) {
          entry = new Entry{static_cast<char*>(*block), size};
          entry->block[0] = entry->block[size - 1] = static_cast<char>(size);
        }
        check_and_free(slots[random() % kSlots].exchange(entry));
        if (i % 500 == 0) pool.trim();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(pool.statistics().peak_bytes_in_use, 24 * kMebibyte);
  for (auto& slot : slots) check_and_free(slot.exchange(nullptr));
  EXPECT_EQ(pool.statistics().bytes_in_use, 0);
}

TEST(MemoryPool, AForkWhileOthersAllocateLeavesBothWithAPool) {
  MemoryPool pool({});
  char* const block = must_allocate(pool, kMebibyte);
  block[0] = 5;
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) pool.free(must_allocate(pool, 64 * 1024));
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      // Without care for the fork this waits for ever now and then: the alarm ends it.
      alarm(20);
      const absl::StatusOr<void*> mine = pool.allocate(2 * kMebibyte);
      const bool good = mine.ok() && block[0] == 5;
      if (mine.ok()) pool.free(*mine);
      pool.free(block);
      pool.trim();
      _exit(good ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
  }
  stop = true;
  other.join();
  EXPECT_EQ(block[0], 5);
  pool.free(block);
}

TEST(MemoryPoolDeathTest, FreeingTwiceEndsTheProgram) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  MemoryPool pool({});
  char* const block = must_allocate(pool, kMebibyte);
  pool.free(block);
  EXPECT_DEATH(pool.free(block), "no block in use of this pool");
}

}  // namespace
}  // namespace pare
