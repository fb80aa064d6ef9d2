// backends/host_memory.h: the host's memory as device memory, for what measures or tests every backend in one way.
//
//   HostMemory memory(ops::torch_execution());
//   PARE_ASSIGN_OR_RETURN(void* x, memory.allocate(bytes));

#ifndef PARE_BACKENDS_HOST_MEMORY_H_
#define PARE_BACKENDS_HOST_MEMORY_H_

#include "backends/device_memory.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// One pool of base/memory_pool.h behind all objects: what is freed is there for the next allocation, and lies in large
// pages where the system has them, as the tensors of Pare's tools do.
class HostMemory : public DeviceMemory {
 public:
  // execution: the threads that copy.
  explicit HostMemory(const Execution& execution = {}) : execution_(execution) {}

  // Each array begins on a page, and arrays of equal size do not all begin at the same place in a cache.
  absl::StatusOr<void*> allocate(int64_t bytes) override;
  void free(void* address) override;
  absl::Status copy_from_host(void* to, const void* from, int64_t bytes) override { return copy(to, from, bytes); }
  absl::Status copy_to_host(void* to, const void* from, int64_t bytes) override { return copy(to, from, bytes); }
  // The C library's copy, cut among threads as elementwise kernels are cut.
  absl::Status copy(void* to, const void* from, int64_t bytes) override;
  absl::Status synchronize() override { return absl::OkStatus(); }

 private:
  Execution execution_;
};

}  // namespace pare::backends

#endif  // PARE_BACKENDS_HOST_MEMORY_H_
