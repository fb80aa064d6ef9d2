// backends/cuda/driver.h: what the kernels need of a device: memory, and a way to run a kernel. The kernels' host side
// is written to this, so that all of it runs in tests on machines without a GPU (emulator/emulator.h).
//
//   PARE_ASSIGN_OR_RETURN(Driver* driver, current_driver());
//   PARE_ASSIGN_OR_RETURN(void* y, driver->allocate(bytes));
//   PARE_RETURN_IF_ERROR(driver->launch({&sources::masks, "apply_mask", ElementType::kFloat}, {blocks, 256},
//   arguments));
//
// Memory is allocated and kernels run on the current device; what is done with memory happens on the device that it
// belongs to. All is in order on each device. Safe from any thread.

#ifndef PARE_BACKENDS_CUDA_DRIVER_H_
#define PARE_BACKENDS_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "backends/cuda/source.h"

namespace pare::backends::cuda {

// What a tensor's elements are in a kernel's source: PARE_ELEMENT.
enum class ElementType { kFloat, kHalf, kBFloat16 };

struct KernelName {
  const Source* source;
  const char* name;
  ElementType element;
};

struct LaunchShape {
  uint32_t blocks;
  uint32_t threads;  // of a block: a multiple of 32, at most kMaxThreads
};

struct Argument {
  void* value;
  size_t bytes;
};

struct DeviceProperties {
  int index = 0;
  std::string name;
  int architecture = 0;  // 10 times the major and the minor number of its compute capability: 90
  int multiprocessors = 1;
  int64_t memory_bytes = 0;
};

class Driver {
 public:
  virtual ~Driver() = default;

  // Every device of this process, and the one that is current.
  virtual absl::StatusOr<std::vector<DeviceProperties>> devices() = 0;
  virtual absl::StatusOr<DeviceProperties> current_device() = 0;
  // For the whole process; kDefaultDevice: device 0, or whatever is current in the library that the streams come from
  // (backends/cuda/streams.h). Error: NotFound; those of opening it, and then the device before stays.
  static constexpr int kDefaultDevice = -1;
  virtual absl::Status select_device(int index) = 0;

  // The device whose memory it is; -1 for host memory.
  virtual int device_of(const void* pointer) = 0;

  // At a multiple of 256 bytes. Memory may be given back while kernels that were started still use it.
  virtual absl::StatusOr<void*> allocate(int64_t bytes) = 0;
  virtual void free(void* pointer) = 0;

  // Host memory may be changed or given back as soon as these return; what is copied to the host is there.
  virtual absl::Status copy_from_host(void* to, const void* from, int64_t bytes) = 0;
  virtual absl::Status copy_to_host(void* to, const void* from, int64_t bytes) = 0;
  // Within a device.
  virtual absl::Status copy(void* to, const void* from, int64_t bytes) = 0;

  virtual absl::Status launch(const KernelName& kernel, LaunchShape shape, absl::Span<const Argument> arguments) = 0;

  // Waits for the current device, and returns what went wrong since the last time.
  virtual absl::Status synchronize() = 0;
};

// The one that a test has set, or what the opener returned, which is called once, the first time that anyone asks.
// Error: Unavailable, with what is missing.
absl::StatusOr<Driver*> current_driver();

// Kept for good: a driver outlives all that uses it. Before the first kernel.
void set_driver(Driver* driver);
void set_driver_opener(absl::StatusOr<Driver*> (*opener)());

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_DRIVER_H_
