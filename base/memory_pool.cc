#include "base/memory_pool.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <new>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/fork_safety.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) static_cast<void>(0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) static_cast<void>(0)
#endif

namespace pare {
namespace {

constexpr size_t kSmall = 4096;              // Below it, malloc().
constexpr size_t kMedium = size_t{1} << 20;  // Below it, the shelf of medium blocks.
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kFreeAllowance = size_t{64} << 20;
constexpr size_t kLargestRequest = size_t{1} << 46;  // No system of today maps more.
constexpr size_t kSmallAlignment = 64;

// Lies before a small block.
struct SmallHeader {
  void* start;  // what malloc() gave
  size_t bytes;
};
static_assert(kSmallAlignment % alignof(SmallHeader) == 0);

// The header, what the alignment skips, and the step away from a page's boundary.
constexpr size_t kSmallOverhead = sizeof(SmallHeader) + (kSmallAlignment - 1) + kSmallAlignment;

SmallHeader* header_of(void* small_block) { return static_cast<SmallHeader*>(small_block) - 1; }

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void raise_to(std::atomic<size_t>& highest, size_t value) {
  size_t seen = highest.load(std::memory_order_relaxed);
  while (seen < value && !highest.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

std::string mebibytes(size_t bytes) { return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / (1 << 20)); }

}  // namespace

std::string MemoryPoolStatistics::to_string() const {
  return absl::StrCat(mebibytes(bytes_in_use), " in use, at most ", mebibytes(peak_bytes_in_use), "; ",
                      mebibytes(bytes_reserved), " reserved, at most ", mebibytes(peak_bytes_reserved));
}

MemoryPool::MemoryPool(const MemoryPoolOptions& options, const MemoryPoolSystem& system)
    : page_(std::max(kSmall, static_cast<size_t>(sysconf(_SC_PAGESIZE)))),
      huge_pages_(options.huge_pages),
      system_(system),
      limit_(options.limit_bytes),
      medium_{.smallest_segment = size_t{4} << 20, .largest_segment = size_t{64} << 20},
      large_{.smallest_segment = size_t{32} << 20, .largest_segment = size_t{1} << 30} {
  ForkSafety::instance().add(&mutex_);
}

MemoryPool::~MemoryPool() {
  trim();
  ForkSafety::instance().remove(&mutex_);
}

absl::StatusOr<void*> MemoryPool::allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > kLargestRequest) return out_of_memory(bytes, "no system has so much");
  if (bytes < kSmall) return allocate_small(bytes);
  const size_t size = round_up(bytes, page_);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!reserve(size)) return out_of_memory(bytes, "the limit would be passed");
  Shelf& shelf = size < kMedium ? medium_ : large_;
  Block* const block = find(shelf, size);
  if (block == nullptr) {
    unreserve(size);
    return out_of_memory(bytes, "the system has no more");
  }
  ++large_allocations_;
  peak_reserved_ = std::max(peak_reserved_, reserved());
  blocks_in_use_[block->address] = block;
  ASAN_UNPOISON_MEMORY_REGION(block->address, bytes);
  return block->address;
}

absl::StatusOr<void*> MemoryPool::allocate_small(size_t bytes) {
  if (!reserve(bytes)) return out_of_memory(bytes, "the limit would be passed");
  char* const start = static_cast<char*>(std::malloc(bytes + kSmallOverhead));
  if (start == nullptr) {
    unreserve(bytes);
    return out_of_memory(bytes, "the system has no more");
  }
  // A block's address tells free() whose it is: on a page's boundary lie those of the pool alone.
  const uintptr_t first = round_up(reinterpret_cast<uintptr_t>(start) + sizeof(SmallHeader), kSmallAlignment);
  char* const block = start + (first - reinterpret_cast<uintptr_t>(start)) + (first % page_ == 0 ? kSmallAlignment : 0);
  new (header_of(block)) SmallHeader{.start = start, .bytes = bytes};
  small_allocations_.fetch_add(1, std::memory_order_relaxed);
  if (reserved() > allowed()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    give_back_above(allowed());
  }
  return block;
}

bool MemoryPool::reserve(size_t bytes) {
  const size_t limit = limit_.load(std::memory_order_relaxed);
  size_t before = in_use_.load(std::memory_order_relaxed);
  do {
    if (limit != 0 && (before > limit || bytes > limit - before)) return false;
  } while (!in_use_.compare_exchange_weak(before, before + bytes, std::memory_order_relaxed));
  raise_to(peak_in_use_, before + bytes);
  raise_to(most_in_use_, before + bytes);
  return true;
}

size_t MemoryPool::allowed() const {
  const size_t most = most_in_use_.load(std::memory_order_relaxed);
  const size_t with_waste = most + most / 2 + kFreeAllowance;
  const size_t limit = limit_.load(std::memory_order_relaxed);
  return limit == 0 ? with_waste : std::min(limit, with_waste);
}

absl::Status MemoryPool::out_of_memory(size_t bytes, const char* reason) const {
  const size_t limit = limit_.load(std::memory_order_relaxed);
  return absl::ResourceExhaustedError(
      absl::StrCat("out of memory: ", mebibytes(bytes), " (", bytes, " bytes) were asked for and ", reason, "; ",
                   mebibytes(in_use_.load(std::memory_order_relaxed)), " are in use, ",
                   limit == 0 ? "with no limit" : absl::StrCat("the limit is ", mebibytes(limit)),
                   "; use a smaller batch", limit == 0 ? "" : ", or a higher limit"));
}

// A block for `size` bytes that reserve() has counted.
MemoryPool::Block* MemoryPool::find(Shelf& shelf, size_t size) {
  if (Block* block = take(shelf.dirty, size)) {
    ++cache_hits_;
    cached_.fetch_sub(size, std::memory_order_relaxed);
    return block;
  }
  // It will need pages that are not there yet.
  give_back_above(allowed());
  if (Block* block = take(shelf.clean, size)) return block;
  const size_t grown = std::clamp(shelf.mapped / 2, shelf.smallest_segment, shelf.largest_segment);
  if (map_segment(shelf, std::max(size, grown)) || map_segment(shelf, size)) return take(shelf.clean, size);
  give_back_above(0);
  if (Block* block = take(shelf.clean, size)) return block;
  return map_segment(shelf, size) ? take(shelf.clean, size) : nullptr;
}

// The block of `blocks` that fits best, cut to `size`; null if none is large enough.
MemoryPool::Block* MemoryPool::take(FreeBlocks& blocks, size_t size) {
  Block wanted{.address = nullptr, .size = size, .shelf = nullptr};
  const auto found = blocks.lower_bound(&wanted);
  if (found == blocks.end()) return nullptr;
  Block* const block = *found;
  blocks.erase(found);
  if (block->size > size) {
    Block* const rest = new_block({.address = block->address + size,
                                   .size = block->size - size,
                                   .shelf = block->shelf,
                                   .before = block,
                                   .after = block->after,
                                   .clean = block->clean});
    if (rest->after != nullptr) rest->after->before = rest;
    block->after = rest;
    block->size = size;
    blocks.insert(rest);
  }
  block->in_use = true;
  block->clean = false;
  return block;
}

MemoryPool::Block* MemoryPool::new_block(const Block& block) {
  if (unused_blocks_.empty()) return &blocks_.emplace_back(block);
  Block* const reused = unused_blocks_.back();
  unused_blocks_.pop_back();
  *reused = block;
  return reused;
}

size_t MemoryPool::free(void* address) {
  if (address == nullptr) return 0;
  if (!is_on_page(address)) {
    const SmallHeader header = *header_of(address);
    std::free(header.start);
    unreserve(header.bytes);
    return header.bytes;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = blocks_in_use_.find(address);
  if (found == blocks_in_use_.end()) {
    std::fprintf(stderr, "MemoryPool::free: %p is no block in use of this pool: freed twice, or another's\n", address);
    std::abort();
  }
  Block* const block = found->second;
  blocks_in_use_.erase(found);
  const size_t size = block->size;
  ASAN_POISON_MEMORY_REGION(address, size);
  block->in_use = false;
  unreserve(size);
  cached_.fetch_add(size, std::memory_order_relaxed);
  put_back(block);
  return size;
}

size_t MemoryPool::size_of(void* address) const {
  if (address == nullptr) return 0;
  if (!is_on_page(address)) return header_of(address)->bytes;
  const std::lock_guard<std::mutex> lock(mutex_);
  return blocks_in_use_.at(address)->size;
}

// Puts a block that has become free, or clean, among the free ones, merged with its neighbours of the same kind.
MemoryPool::Block* MemoryPool::put_back(Block* block) {
  const auto is_alike = [&](const Block* other) {
    return other != nullptr && !other->in_use && other->clean == block->clean;
  };
  FreeBlocks& blocks = free_blocks_like(*block);
  if (is_alike(block->after)) {
    blocks.erase(block->after);
    absorb(block, block->after);
  }
  if (is_alike(block->before)) {
    Block* const before = block->before;
    blocks.erase(before);
    absorb(before, block);
    block = before;
  }
  blocks.insert(block);
  return block;
}

void MemoryPool::absorb(Block* block, Block* after) {
  block->size += after->size;
  block->after = after->after;
  if (block->after != nullptr) block->after->before = block;
  unused_blocks_.push_back(after);
}

// Gives free blocks back, the largest first, until no more than `allowed_bytes` are reserved, or none is left but those
// that the system does not take.
void MemoryPool::give_back_above(size_t allowed_bytes) {
  // What is not below this one in the order of sizes was refused. Giving back makes no dirty block that was not there.
  Block* refused = nullptr;
  while (reserved() > allowed_bytes) {
    Block* largest = nullptr;
    for (const FreeBlocks* blocks : {&medium_.dirty, &large_.dirty}) {
      const auto end = refused == nullptr ? blocks->end() : blocks->lower_bound(refused);
      if (end == blocks->begin()) continue;
      Block* const last = *std::prev(end);
      if (largest == nullptr || BySizeThenAddress()(largest, last)) largest = last;
    }
    if (largest == nullptr) return;
    if (!give_back(largest)) refused = largest;
  }
}

// Unmaps the segment of a dirty block if nothing of it is in use; else, or if the system refuses, makes the block
// clean. False where the system refuses that as well, as it does for memory that is locked.
bool MemoryPool::give_back(Block* block) {
  if (unmap_segment(block)) return true;
  ++system_calls_;
  if (system_.madvise(block->address, block->size, MADV_DONTNEED) != 0) return false;
  block->shelf->dirty.erase(block);
  cached_.fetch_sub(block->size, std::memory_order_relaxed);
  block->clean = true;
  put_back(block);
  return true;
}

bool MemoryPool::map_segment(Shelf& shelf, size_t size) {
  size = round_up(size, kHugePage);
  // Large pages begin on their own multiples: what lies before and behind goes back. Where the system does not take
  // that, it is a part of the segment.
  const size_t asked = size + kHugePage;
  ++system_calls_;
  // Not MAP_NORESERVE: a request that the machine can never serve is to fail here, not at its first touch.
  void* const mapped = mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return false;
  char* begin = static_cast<char*>(mapped);
  char* const aligned = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(begin), kHugePage));
  const size_t before = static_cast<size_t>(aligned - begin), behind = kHugePage - before;
  const auto goes_back = [&](char* address, size_t length) {
    if (length == 0) return true;
    ++system_calls_;
    return system_.munmap(address, length) == 0;
  };
  if (!goes_back(aligned + size, behind)) size += behind;
  if (goes_back(begin, before)) {
    begin = aligned;
  } else {
    size += before;
  }
  if (huge_pages_) {
    // A system that has none says so, which is as good.
    system_.madvise(begin, size, MADV_HUGEPAGE);
    ++system_calls_;
  }
  ASAN_POISON_MEMORY_REGION(begin, size);
  shelf.clean.insert(new_block({.address = begin, .size = size, .shelf = &shelf}));
  shelf.mapped += size;
  bytes_mapped_ += size;
  ++segments_;
  return true;
}

// Gives the addresses of a dirty block's segment back. False, and all is as it was, if something else of the segment is
// in use or dirty, or if the system refuses.
bool MemoryPool::unmap_segment(Block* block) {
  // Free neighbours of the same kind are merged, so a segment of this kind has a clean block on either side at most.
  char* begin = block->address;
  size_t size = block->size;
  for (const Block* other : {block->before, block->after}) {
    if (other == nullptr) continue;
    const Block* const beyond = other == block->before ? other->before : other->after;
    if (other->in_use || !other->clean || beyond != nullptr) return false;
    begin = std::min(begin, other->address);
    size += other->size;
  }
  // Before the call: afterwards the addresses may be another thread's.
  ASAN_UNPOISON_MEMORY_REGION(begin, size);
  ++system_calls_;
  if (system_.munmap(begin, size) != 0) {
    ASAN_POISON_MEMORY_REGION(begin, size);
    return false;
  }
  Shelf& shelf = *block->shelf;
  shelf.dirty.erase(block);
  cached_.fetch_sub(block->size, std::memory_order_relaxed);
  for (Block* other : {block->before, block->after}) {
    if (other == nullptr) continue;
    shelf.clean.erase(other);
    unused_blocks_.push_back(other);
  }
  unused_blocks_.push_back(block);
  shelf.mapped -= size;
  bytes_mapped_ -= size;
  --segments_;
  return true;
}

size_t MemoryPool::trim() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const size_t before = cached_.load(std::memory_order_relaxed);
  give_back_above(0);
  most_in_use_.store(in_use_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return before - cached_.load(std::memory_order_relaxed);
}

void MemoryPool::set_limit(size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  limit_.store(bytes, std::memory_order_relaxed);
  give_back_above(allowed());
}

MemoryPoolStatistics MemoryPool::statistics() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  MemoryPoolStatistics statistics;
  statistics.bytes_in_use = in_use_.load(std::memory_order_relaxed);
  statistics.peak_bytes_in_use = peak_in_use_.load(std::memory_order_relaxed);
  statistics.bytes_reserved = reserved();
  // Small blocks leave the latter's peak to the next look at it.
  statistics.peak_bytes_reserved = std::max({peak_reserved_, statistics.bytes_reserved, statistics.peak_bytes_in_use});
  statistics.bytes_mapped = bytes_mapped_;
  statistics.segments = segments_;
  statistics.small_allocations = small_allocations_.load(std::memory_order_relaxed);
  statistics.allocations = large_allocations_ + statistics.small_allocations;
  statistics.cache_hits = cache_hits_;
  statistics.system_calls = system_calls_;
  return statistics;
}

void MemoryPool::reset_peaks() {
  const std::lock_guard<std::mutex> lock(mutex_);
  peak_in_use_.store(in_use_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  peak_reserved_ = reserved();
}

}  // namespace pare
