#include "backends/cuda/backend.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/gpu.h"
#include "backends/cuda/kernels.h"
#include "backends/registry.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

template <typename T>
constexpr KernelTable<T> make_table() {
  KernelTable<T> table;
  table.uses_execution = false;
  table.fake_quantize_forward = cuda::fake_quantize_forward<T>;
  table.fake_quantize_backward = cuda::fake_quantize_backward<T>;
  table.min_max = cuda::min_max<T>;
  table.abs_max = cuda::abs_max<T>;
  table.mean_variance = cuda::mean_variance<T>;
  table.histogram = cuda::histogram<T>;
  table.key_histogram = cuda::key_histogram<T>;
  table.magnitude_mask = cuda::magnitude_mask<T>;
  table.apply_mask = cuda::apply_mask<T>;
  table.count_zeros = cuda::count_zeros<T>;
  table.count_above = cuda::count_above<T>;
  table.rb_mask_forward = cuda::rb_mask_forward<T>;
  table.rb_mask_backward = cuda::rb_mask_backward<T>;
  table.n_of_m_mask = cuda::n_of_m_mask<T>;
  table.binarize_weights = cuda::binarize_weights<T>;
  table.binarize_activations_forward = cuda::binarize_activations_forward<T>;
  table.binarize_activations_backward = cuda::binarize_activations_backward<T>;
  table.filter_norms = cuda::filter_norms<T>;
  table.pairwise_distances = cuda::pairwise_distances<T>;
  table.quantize_to_codes = cuda::quantize_to_codes<T>;
  table.dequantize_codes = cuda::dequantize_codes<T>;
  table.quantize_groups = cuda::quantize_groups<T>;
  table.dequantize_groups = cuda::dequantize_groups<T>;
  return table;
}

template <typename T>
const KernelTable<T>* table_on(DeviceKind kind) {
  if (kind != DeviceKind::kCpu && kind != DeviceKind::kCuda) return nullptr;
  const absl::StatusOr<cuda::Driver*> driver = cuda::current_driver();
  return driver.ok() ? &cuda_kernels<T>() : nullptr;
}

// Of the device that is current in the calling thread.
class CurrentMemory : public DeviceMemory {
 public:
  absl::StatusOr<void*> allocate(int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
    return driver->allocate(bytes);
  }
  void free(void* address) override {
    const absl::StatusOr<cuda::Driver*> driver = cuda::current_driver();
    if (driver.ok() && address != nullptr) (*driver)->free(address);
  }
  absl::Status copy_from_host(void* to, const void* from, int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
    return driver->copy_from_host(to, from, bytes);
  }
  absl::Status copy_to_host(void* to, const void* from, int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
    return driver->copy_to_host(to, from, bytes);
  }
  absl::Status copy(void* to, const void* from, int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
    return driver->copy(to, from, bytes);
  }
  absl::Status synchronize() override {
    PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
    return driver->synchronize();
  }
};

absl::StatusOr<std::vector<DeviceDescription>> describe_devices() {
  PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
  PARE_ASSIGN_OR_RETURN(const std::vector<cuda::DeviceProperties> devices, driver->devices());
  PARE_ASSIGN_OR_RETURN(const cuda::DeviceProperties current, driver->current_device());
  std::vector<DeviceDescription> descriptions;
  for (const cuda::DeviceProperties& device : devices) {
    descriptions.push_back(
        {.name = device.name,
         .properties = {{"compute capability", absl::StrCat(device.architecture / 10, ".", device.architecture % 10)},
                        {"multiprocessors", absl::StrCat(device.multiprocessors)},
                        {"memory", absl::StrCat(device.memory_bytes >> 20, " MiB")}},
         .is_selected = device.index == current.index});
  }
  return descriptions;
}

absl::Status select_device(std::string_view wanted) {
  PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
  PARE_ASSIGN_OR_RETURN(const std::vector<cuda::DeviceProperties> devices, driver->devices());
  if (wanted.empty()) return driver->select_device(cuda::Driver::kDefaultDevice);
  int index = -1;
  const std::string name(wanted);
  if (absl::SimpleAtoi(name, &index)) {
    for (const cuda::DeviceProperties& device : devices) {
      if (device.index == index) return driver->select_device(index);
    }
  } else {
    for (const cuda::DeviceProperties& device : devices) {
      if (absl::StrContains(absl::AsciiStrToLower(device.name), absl::AsciiStrToLower(name)))
        return driver->select_device(device.index);
    }
  }
  return absl::NotFoundError(
      absl::StrCat("there is no CUDA device '", name, "'; there are ",
                   absl::StrJoin(devices, ", ", [](std::string* out, const cuda::DeviceProperties& device) {
                     absl::StrAppend(out, device.index, " (", device.name, ")");
                   })));
}

}  // namespace

template <typename T>
const KernelTable<T>& cuda_kernels() {
  static constexpr KernelTable<T> table = make_table<T>();
  return table;
}

template const KernelTable<float>& cuda_kernels();
template const KernelTable<Half>& cuda_kernels();
template const KernelTable<BFloat16>& cuda_kernels();

absl::Status register_cuda_backend() {
  if (find_backend("cuda").ok()) return absl::OkStatus();
  cuda::set_driver_opener(cuda::open_gpu);
  static auto* const memory = new CurrentMemory;
  static const absl::Status status = register_backend({
      .name = "cuda",
      .priority = 40,
      .float32 = table_on<float>,
      .float16 = table_on<Half>,
      .bfloat16 = table_on<BFloat16>,
      .devices = describe_devices,
      .select_device = select_device,
      .device_kind = DeviceKind::kCuda,
      .memory = []() -> absl::StatusOr<DeviceMemory*> {
        PARE_ASSIGN_OR_RETURN(cuda::Driver * driver, cuda::current_driver());
        PARE_RETURN_IF_ERROR(driver->current_device().status());
        return memory;
      },
  });
  return status;
}

}  // namespace pare::backends
