// backends/vulkan/device.h: Vulkan devices and their memory.
//
//   PARE_ASSIGN_OR_RETURN(Device* device, select_device("llvmpipe"));  // "" for the best, "1" for the second
//   PARE_ASSIGN_OR_RETURN(void* x, device->allocate(n * sizeof(float)));
//   PARE_RETURN_IF_ERROR(device->copy_to_device(x, numbers.data(), n * sizeof(float)));
//   PARE_RETURN_IF_ERROR(vulkan_kernels().fake_quantize_forward({}, Layout::per_tensor(n), x, grid, x));
//   PARE_RETURN_IF_ERROR(device->copy_to_host(numbers.data(), x, n * sizeof(float)));
//   PARE_RETURN_IF_ERROR(device->free(x));
//
// A device pointer is an address that the host must not touch, but may reckon with: x + 5 floats is one as well, as
// long as it stays in the allocation. Kernels and copies are done in the order of the calls. A kernel returns when it
// is recorded, not when it is done; copy_to_host() and synchronize() wait. So an error of the device may come from a
// later call than the one that caused it.
//
// Errors: Unavailable when there is no Vulkan here (the message says what to install), or when the device was lost: it
// then refuses all but free(). ResourceExhausted when memory is short. InvalidArgument for an address that is no device
// pointer, or a range that leaves its allocation. All is safe to call from any thread.

#ifndef PARE_BACKENDS_VULKAN_DEVICE_H_
#define PARE_BACKENDS_VULKAN_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare::backends::vulkan {

class DeviceState;

// What a device is, and how it is used.
struct DeviceProperties {
  size_t index = 0;  // select_device() takes it
  std::string name;
  std::string type;         // "discrete GPU", "integrated GPU", "virtual GPU", "CPU", "other"
  std::string driver;       // name and version; empty where the driver does not say
  std::string api_version;  // "1.3"
  absl::Status usable;      // what it lacks, if it cannot be used; then nothing below is set

  uint64_t memory_bytes = 0;
  uint64_t max_allocation_bytes = 0;
  uint64_t max_buffer_bytes = 0;  // that one dispatch sees of a tensor: larger ones take several
  uint32_t local_size = 0;
  uint32_t max_groups = 0;
  uint32_t subgroup_size = 0;
  bool subgroups = false;       // reductions shuffle within subgroups, else they go through shared memory
  bool unified_memory = false;  // the host writes to the device's memory directly
  bool host_import = false;     // large aligned host tensors are used in place
  bool storage_16bit = false;
  bool preserves_denormals = false;  // else results are the reference's only where no denormal number takes part
};

struct MemoryStatistics {
  uint64_t used_bytes = 0;      // allocated and not freed
  uint64_t peak_bytes = 0;      // the most of it
  uint64_t reserved_bytes = 0;  // taken from the driver
  uint64_t allocations = 0;     // that are not freed
  uint64_t blocks = 0;
};

struct DeviceStatistics {
  MemoryStatistics memory;
  uint64_t dispatches = 0;
  uint64_t submissions = 0;     // of many dispatches each
  uint64_t imported_bytes = 0;  // of host tensors that were used in place
  uint64_t staged_bytes = 0;    // of host memory that was copied, in both directions
};

class Device {
 public:
  explicit Device(std::unique_ptr<DeviceState> state);
  ~Device();

  const DeviceProperties& properties() const;

  // At least `bytes` bytes, aligned to 256. What they hold is undefined.
  absl::StatusOr<void*> allocate(size_t bytes);
  // Null is ignored. What was recorded before still finds the memory as it was.
  absl::Status free(void* pointer);
  // Gives memory that is free back to the driver.
  absl::Status trim();

  // `from` may be changed or freed afterwards.
  absl::Status copy_to_device(void* to, const void* from, size_t bytes);
  // Waits for all that was recorded.
  absl::Status copy_to_host(void* to, const void* from, size_t bytes);
  // Between two device pointers of this device; recorded only. The two do not overlap.
  absl::Status copy(void* to, const void* from, size_t bytes);

  // Waits until all that was recorded is done.
  absl::Status synchronize();

  DeviceStatistics statistics() const;

  // For kernels: see call.h.
  DeviceState& state() { return *state_; }

 private:
  std::unique_ptr<DeviceState> state_;
};

// All devices, usable or not, in the driver's order. No device at all is Unavailable, as no loader is.
absl::StatusOr<std::vector<DeviceProperties>> list_devices();

// Opens a device, and makes it the one for host memory. `name` is an index, a part of the name in any case, or empty:
// the best kind there is, discrete before integrated before virtual before CPU. NotFound lists what there is. Devices
// stay open until the process ends.
absl::StatusOr<Device*> select_device(std::string_view name);

// The one of the last select_device(), or what select_device("") makes it.
absl::StatusOr<Device*> selected_device();

// The index of the one that selected_device() returns, or would open: opens none, as that may take a driver's compiler
// a while.
absl::StatusOr<size_t> selected_index();

// The open device that a device pointer belongs to; null for every other address.
Device* device_of(const void* pointer);

// What the validation layer has complained of since the last call; it is on with PARE_VULKAN_VALIDATION=1 in the
// environment. For tests.
std::vector<std::string> take_validation_messages();

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_DEVICE_H_
