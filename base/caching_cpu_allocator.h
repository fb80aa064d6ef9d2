// base/caching_cpu_allocator.h: LibTorch's tensors on the CPU in memory that is kept from one step to the next.
//
//   PARE_RETURN_IF_ERROR(install_caching_cpu_allocator({.limit_bytes = size_t{8} << 30}));
//   train();
//   log_info(caching_cpu_allocator_statistics().to_string());
//
// LibTorch takes each tensor's memory from the C library and gives it back, which for large tensors costs page faults
// at every step. After the call, all that it allocates through c10::GetCPUAllocator() comes from one MemoryPool; see
// base/memory_pool.h for its costs and bounds. What was allocated before keeps its own deleter. The pool lives until
// the process ends, so that tensors in static variables may outlive main().
//
// A tensor that cannot be had throws c10::OutOfMemoryError, which says how much was asked for, how much is in use, the
// limit, and what to do; guard_torch() makes a ResourceExhausted of it. LibTorch's memory profiler hears of each block.

#ifndef PARE_BASE_CACHING_CPU_ALLOCATOR_H_
#define PARE_BASE_CACHING_CPU_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "base/memory_pool.h"

namespace pare {

struct CachingCpuAllocatorOptions {
  size_t limit_bytes = 0;  // of all tensors together; 0: none
  bool huge_pages = true;  // taken from the first call
  // LibTorch's own allocator has 0. An allocator takes the place of one with the same or a lower number.
  uint8_t priority = 1;
};

// To be called before other threads use LibTorch, whose table of allocators knows no locks. A second call sets the
// limit. FailedPrecondition if another allocator of a higher priority is there, which then stays; nothing is changed.
absl::Status install_caching_cpu_allocator(const CachingCpuAllocatorOptions& options = {});

// Whether c10::GetCPUAllocator() is this one.
bool caching_cpu_allocator_is_installed();

// All zero before the first installation.
MemoryPoolStatistics caching_cpu_allocator_statistics();

void reset_caching_cpu_allocator_peaks();

// Gives the memory of freed tensors back to the system; returns how many bytes that were.
size_t trim_caching_cpu_allocator();

}  // namespace pare

#endif  // PARE_BASE_CACHING_CPU_ALLOCATOR_H_
