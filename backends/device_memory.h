// backends/device_memory.h: memory of the device that a backend's kernels run on.
//
//   DeviceMemory& memory = **backend.memory();
//   PARE_ASSIGN_OR_RETURN(void* x, memory.allocate(bytes));
//   PARE_RETURN_IF_ERROR(memory.copy_from_host(x, numbers.data(), bytes));
//   ... kernels of backend.table<float>(backend.device_kind) ...
//   PARE_RETURN_IF_ERROR(memory.copy_to_host(numbers.data(), x, bytes));
//   memory.free(x);
//
// Work on a device is in order: a copy to the host waits for the kernels before it. Safe from any thread.

#ifndef PARE_BACKENDS_DEVICE_MEMORY_H_
#define PARE_BACKENDS_DEVICE_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare::backends {

class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;

  // An address on the device, of a multiple of 256 at least; on the host it may not be read. bytes >= 0. Error:
  // ResourceExhausted.
  virtual absl::StatusOr<void*> allocate(int64_t bytes) = 0;
  // What allocate() returned; null is ignored.
  virtual void free(void* address) = 0;

  virtual absl::Status copy_from_host(void* to, const void* from, int64_t bytes) = 0;
  virtual absl::Status copy_to_host(void* to, const void* from, int64_t bytes) = 0;
  // From device memory to device memory, as fast as the device can: the yardstick of the benchmarks.
  virtual absl::Status copy(void* to, const void* from, int64_t bytes) = 0;

  // Waits until all that was started is done, and returns what went wrong on the way.
  virtual absl::Status synchronize() = 0;
};

}  // namespace pare::backends

#endif  // PARE_BACKENDS_DEVICE_MEMORY_H_
