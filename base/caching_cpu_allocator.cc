#include "base/caching_cpu_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <cstring>
#include <string>

namespace pare {
namespace {

const c10::Device kCpu(c10::DeviceType::CPU);

class CachingCpuAllocator final : public c10::Allocator {
 public:
  explicit CachingCpuAllocator(const MemoryPoolOptions& options) : pool_(options) {}

  // LibTorch 1.13 and 2.x differ in which of these are virtual: what is, is overridden.
  c10::DataPtr allocate(size_t bytes) const { return allocated(bytes); }
  c10::DataPtr allocate(size_t bytes) { return allocated(bytes); }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }

  // The context of a DataPtr of ours is its memory, as raw_allocate() needs.
  c10::DeleterFnPtr raw_deleter() const override { return &deallocate; }

  MemoryPool& pool() const { return pool_; }

 private:
  c10::DataPtr allocated(size_t bytes) const {
    const absl::StatusOr<void*> block = pool_.allocate(bytes);
    if (!block.ok()) {
      report_out_of_memory(bytes);
      TORCH_CHECK_WITH(OutOfMemoryError, false, std::string(block.status().message()));
    }
    if (*block != nullptr && c10::memoryProfilingEnabled()) report(*block, static_cast<int64_t>(pool_.size_of(*block)));
    return {*block, *block, &deallocate, kCpu};
  }

  static void deallocate(void* block);

  void report(void* block, int64_t bytes) const {
    const MemoryPoolStatistics now = pool_.statistics();
    c10::reportMemoryUsageToProfiler(block, bytes, now.bytes_in_use, now.bytes_reserved, kCpu);
  }
  void report_out_of_memory(size_t bytes) const {
    const MemoryPoolStatistics now = pool_.statistics();
    c10::reportOutOfMemoryToProfiler(static_cast<int64_t>(bytes), now.bytes_in_use, now.bytes_reserved, kCpu);
  }

  mutable MemoryPool pool_;
};

// Never destroyed: see the header.
std::atomic<CachingCpuAllocator*> the_allocator = nullptr;

// A deleter has no state, so it can only belong to the one allocator there is.
void CachingCpuAllocator::deallocate(void* block) {
  const CachingCpuAllocator& allocator = *the_allocator;
  const size_t bytes = allocator.pool_.free(block);
  if (bytes > 0 && c10::memoryProfilingEnabled()) allocator.report(block, -static_cast<int64_t>(bytes));
}

}  // namespace

absl::Status install_caching_cpu_allocator(const CachingCpuAllocatorOptions& options) {
  if (the_allocator == nullptr) the_allocator = new CachingCpuAllocator({.huge_pages = options.huge_pages});
  c10::SetCPUAllocator(the_allocator, options.priority);
  if (!caching_cpu_allocator_is_installed()) {
    return absl::FailedPreconditionError(
        "LibTorch has an allocator of a higher priority for tensors on the CPU, which stays: install with a higher "
        "priority, or do without the caching allocator");
  }
  // Only now: blocks of an earlier installation may live, whose limit a call that fails has no business to change.
  the_allocator.load()->pool().set_limit(options.limit_bytes);
  return absl::OkStatus();
}

bool caching_cpu_allocator_is_installed() {
  return the_allocator != nullptr && c10::GetCPUAllocator() == the_allocator;
}

MemoryPoolStatistics caching_cpu_allocator_statistics() {
  return the_allocator == nullptr ? MemoryPoolStatistics() : the_allocator.load()->pool().statistics();
}

void reset_caching_cpu_allocator_peaks() {
  if (the_allocator != nullptr) the_allocator.load()->pool().reset_peaks();
}

size_t trim_caching_cpu_allocator() { return the_allocator == nullptr ? 0 : the_allocator.load()->pool().trim(); }

}  // namespace pare
