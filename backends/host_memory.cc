#include "backends/host_memory.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/memory_pool.h"

namespace pare::backends {
namespace {

// What the elementwise kernels of backends/cpu give a thread at least: 32768 floats.
constexpr int64_t kBlock = int64_t{1} << 17;
// A page more, so that arrays of a power of two do not all begin at the same place in a cache, and small ones are of
// the pool's large blocks, which begin on a page.
constexpr int64_t kPadding = 4096;

// Never destroyed: arrays may outlive main().
MemoryPool& pool() {
  static auto* const pool = new MemoryPool({});
  return *pool;
}

}  // namespace

absl::StatusOr<void*> HostMemory::allocate(int64_t bytes) {
  if (bytes < 0 || bytes > std::numeric_limits<int64_t>::max() - kPadding) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an array of ", bytes, " bytes of host memory is not possible: ask for fewer"));
  }
  return pool().allocate(static_cast<size_t>(bytes + kPadding));
}

void HostMemory::free(void* address) { pool().free(address); }

absl::Status HostMemory::copy(void* to, const void* from, int64_t bytes) {
  execution_.parallel_for(0, (bytes + kBlock - 1) / kBlock, 1, [&](int64_t first, int64_t last) {
    const int64_t begin = first * kBlock, end = std::min(bytes, last * kBlock);
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, end - begin);
  });
  return absl::OkStatus();
}

}  // namespace pare::backends
