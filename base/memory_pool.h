// base/memory_pool.h: memory that is given back and asked for again without the system noticing.
//
//   MemoryPool pool({.limit_bytes = size_t{4} << 30});
//   PARE_ASSIGN_OR_RETURN(void* block, pool.allocate(51 << 20));
//   pool.free(block);  // its pages stay for the next allocate()
//
// A training step allocates and frees the same large blocks again and again. The C library gives such blocks back to
// the system and asks for them anew, and each page of them is then zeroed at its first touch, which takes ten times as
// long as writing to it. Here a block that is freed merges with its free neighbours and stays; a request takes the
// smallest free block that is large enough, and what it does not need stays free. So a step that repeats finds its
// blocks where they were: after two or three steps there is no page fault and no system call any more.
//
// Requests below 4 KiB go to malloc(), with 143 bytes beside them, and count as what was asked for. Larger ones are
// multiples of the page and begin on one. Blocks below 1 MiB and larger ones lie in segments of their own, so that a
// small block that lives long does not cut a large space in two.
//
// Waste is bounded:
//   - A block of the pool is less than one page (4 KiB on most systems) larger than what was asked for.
//   - bytes_reserved, what the pool holds of the system's memory, in use or free, is never above
//     1.5 * (the most that was in use since the last trim()) + 64 MiB, and never above the limit. Where a request would
//     pass that, the pages of free blocks go back to the system first, the largest blocks first. So scattered free
//     blocks cost addresses, not memory, and a request fails at the limit only if what is in use does not leave room.
//   - The system may refuse to take something back: pages that are locked (mlock), or a range in the middle of others
//     when a process has as many ranges as it may (vm.max_map_count). Such a block stays free and is used again, and
//     goes on counting as what it is: reserved while it has pages, mapped while it has addresses. Other blocks are
//     given back in its place, so that bytes_reserved passes its bound only by what the system refused.
// Large pages are the system's affair: where it gives them, it may back up to 2 MiB on either side of a used range.
//
// Any thread may free what any other has allocated. A fork() leaves both processes with a pool that works.

#ifndef PARE_BASE_MEMORY_POOL_H_
#define PARE_BASE_MEMORY_POOL_H_

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"

namespace pare {

struct MemoryPoolOptions {
  size_t limit_bytes = 0;  // 0: none
  bool huge_pages = true;  // asks the system for large pages; where it has none, nothing changes
};

// What a pool asks of the system, as the functions of these names do. Tests refuse it.
struct MemoryPoolSystem {
  int (*munmap)(void* address, size_t bytes) = ::munmap;
  int (*madvise)(void* address, size_t bytes, int advice) = ::madvise;
};

// Bytes are those of blocks, as rounded up.
struct MemoryPoolStatistics {
  size_t bytes_in_use = 0;
  size_t peak_bytes_in_use = 0;
  size_t bytes_reserved = 0;  // in use, and free with pages that the system has given
  size_t peak_bytes_reserved = 0;
  size_t bytes_mapped = 0;        // addresses, with and without pages
  int64_t segments = 0;           // the ranges that they lie in
  int64_t allocations = 0;        // ever, those of zero bytes not counted
  int64_t cache_hits = 0;         // of these, the ones that took a free block with pages
  int64_t small_allocations = 0;  // of these, the ones that malloc() served
  int64_t system_calls = 0;       // of the pool, ever: mapping, unmapping, giving back, advice

  // "312 MiB in use, at most 498 MiB; 560 MiB reserved, at most 560 MiB".
  std::string to_string() const;
};

class MemoryPool {
 public:
  explicit MemoryPool(const MemoryPoolOptions& options, const MemoryPoolSystem& system = {});
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  // All blocks must have been freed, but for small ones. A pool that lives as long as the process is never destroyed.
  ~MemoryPool();

  // Memory aligned to 64 bytes at least, with any content; null for zero bytes. ResourceExhausted if the limit or the
  // system does not allow it, with what is in use and the limit in the message; what was allocated before stays.
  absl::StatusOr<void*> allocate(size_t bytes);

  // Takes what allocate() gave, null too, and returns the bytes of the block. A large block that is not in use ends the
  // program.
  size_t free(void* block);

  // The bytes of a block in use, as free() will return them.
  size_t size_of(void* block) const;

  // Gives the pages of all free blocks back to the system and returns how many bytes that were. What the system refuses
  // is not among them.
  size_t trim();

  // A limit below what is in use gives back what it can; requests then fail until enough has been freed. 0: none.
  void set_limit(size_t bytes);
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }

  MemoryPoolStatistics statistics() const;

  // The peaks begin anew at what is in use and reserved now.
  void reset_peaks();

 private:
  struct Shelf;

  // A range of a segment. The blocks of a segment form a list in the order of their addresses. A free block is dirty,
  // with pages, or clean, without; free neighbours of the same kind are always merged.
  struct Block {
    char* address;
    size_t size;
    Shelf* shelf;
    Block* before = nullptr;
    Block* after = nullptr;
    bool in_use = false;
    bool clean = true;
  };

  // The first that is not below a size fits it best.
  struct BySizeThenAddress {
    bool operator()(const Block* left, const Block* right) const {
      return left->size != right->size ? left->size < right->size : left->address < right->address;
    }
  };
  using FreeBlocks = absl::btree_set<Block*, BySizeThenAddress>;

  // The free blocks of one class of sizes.
  struct Shelf {
    size_t smallest_segment, largest_segment;
    size_t mapped = 0;
    FreeBlocks dirty, clean;
  };

  absl::StatusOr<void*> allocate_small(size_t bytes);
  bool is_on_page(const void* address) const { return reinterpret_cast<uintptr_t>(address) % page_ == 0; }
  // Counts `bytes` as in use, if the limit allows it.
  bool reserve(size_t bytes);
  void unreserve(size_t bytes) { in_use_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t reserved() const { return in_use_.load(std::memory_order_relaxed) + cached_.load(std::memory_order_relaxed); }
  size_t allowed() const;
  absl::Status out_of_memory(size_t bytes, const char* reason) const;

  // These expect mutex_ to be held.
  Block* find(Shelf& shelf, size_t size);
  Block* take(FreeBlocks& blocks, size_t size);
  FreeBlocks& free_blocks_like(const Block& block) { return block.clean ? block.shelf->clean : block.shelf->dirty; }
  Block* new_block(const Block& block);
  void absorb(Block* block, Block* after);
  Block* put_back(Block* block);
  void give_back_above(size_t allowed_bytes);
  bool give_back(Block* block);
  bool map_segment(Shelf& shelf, size_t size);
  bool unmap_segment(Block* block);

  const size_t page_;
  const bool huge_pages_;
  const MemoryPoolSystem system_;

  std::atomic<size_t> limit_;
  std::atomic<size_t> in_use_{0}, peak_in_use_{0};
  std::atomic<size_t> most_in_use_{0};  // since trim()
  std::atomic<size_t> cached_{0};       // in dirty blocks
  std::atomic<int64_t> small_allocations_{0};

  mutable std::mutex mutex_;
  Shelf medium_, large_;
  // Not a hash map: under its undefined-behaviour sanitizer g++ 16 refuses Abseil's.
  absl::btree_map<void*, Block*> blocks_in_use_;
  std::deque<Block> blocks_;
  std::vector<Block*> unused_blocks_;
  size_t peak_reserved_ = 0, bytes_mapped_ = 0;
  int64_t segments_ = 0, large_allocations_ = 0, cache_hits_ = 0, system_calls_ = 0;
};

}  // namespace pare

#endif  // PARE_BASE_MEMORY_POOL_H_
