// backends/device_arrays.h: arrays in a device's memory that live as long as one object.
//
//   DeviceArrays arrays(memory);
//   PARE_ASSIGN_OR_RETURN(const float* x, arrays.copy_of(numbers));
//   PARE_ASSIGN_OR_RETURN(float* y, arrays.filled(0.0f, numbers.size()));
//   PARE_RETURN_IF_ERROR(kernel(x, y));
//   PARE_ASSIGN_OR_RETURN(std::vector<float> result, arrays.read(y, numbers.size()));

#ifndef PARE_BACKENDS_DEVICE_ARRAYS_H_
#define PARE_BACKENDS_DEVICE_ARRAYS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/device_memory.h"
#include "base/status_macros.h"

namespace pare::backends {

// Every array is written when it is made, so that no later use pays for a page. Errors: ResourceExhausted where the
// memory does not hold an array; those of the device's copies.
class DeviceArrays {
 public:
  // The memory must outlive this.
  explicit DeviceArrays(DeviceMemory& memory) : memory_(memory) {}
  // Waits for the device, which may still use the arrays, and frees them.
  ~DeviceArrays();
  DeviceArrays(const DeviceArrays&) = delete;
  DeviceArrays& operator=(const DeviceArrays&) = delete;

  template <typename T>
  absl::StatusOr<T*> copy_of(const std::vector<T>& numbers) {
    return repeated(numbers, static_cast<int64_t>(numbers.size()));
  }

  // `count` elements: the numbers, which must be some if count > 0, again and again from the first.
  template <typename T>
  absl::StatusOr<T*> repeated(const std::vector<T>& numbers, int64_t count) {
    PARE_ASSIGN_OR_RETURN(void* const address, allocate(count, sizeof(T)));
    T* const array = static_cast<T*>(address);
    const auto period = static_cast<int64_t>(numbers.size());
    for (int64_t i = 0; i < count; i += period) {
      const auto bytes = static_cast<int64_t>(std::min(period, count - i) * sizeof(T));
      PARE_RETURN_IF_ERROR(memory_.copy_from_host(array + i, numbers.data(), bytes));
    }
    return array;
  }

  template <typename T>
  absl::StatusOr<T*> filled(T number, int64_t count) {
    constexpr int64_t kPeriod = 1 << 16;
    return repeated(std::vector<T>(std::clamp<int64_t>(count, 0, kPeriod), number), count);
  }

  // After the kernels that have been started.
  template <typename T>
  absl::StatusOr<std::vector<T>> read(const T* address, int64_t count) {
    std::vector<T> numbers(count);
    PARE_RETURN_IF_ERROR(memory_.copy_to_host(numbers.data(), address, static_cast<int64_t>(count * sizeof(T))));
    return numbers;
  }

 private:
  absl::StatusOr<void*> allocate(int64_t count, int64_t element_bytes);

  DeviceMemory& memory_;
  std::vector<void*> addresses_;
};

}  // namespace pare::backends

#endif  // PARE_BACKENDS_DEVICE_ARRAYS_H_
