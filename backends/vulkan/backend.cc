#include "backends/vulkan/backend.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "backends/registry.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/kernels.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

template <typename T>
constexpr KernelTable<T> make_table(bool flushes_denormals) {
  KernelTable<T> table;
  table.flushes_denormals = flushes_denormals;
  table.uses_execution = false;
  table.fake_quantize_forward = vulkan::fake_quantize_forward<T>;
  table.fake_quantize_backward = vulkan::fake_quantize_backward<T>;
  table.min_max = vulkan::min_max<T>;
  table.abs_max = vulkan::abs_max<T>;
  table.mean_variance = vulkan::mean_variance<T>;
  table.histogram = vulkan::histogram<T>;
  table.key_histogram = vulkan::key_histogram<T>;
  table.magnitude_mask = vulkan::magnitude_mask<T>;
  table.apply_mask = vulkan::apply_mask<T>;
  table.count_zeros = vulkan::count_zeros<T>;
  table.count_above = vulkan::count_above<T>;
  table.rb_mask_forward = vulkan::rb_mask_forward<T>;
  table.rb_mask_backward = vulkan::rb_mask_backward<T>;
  table.n_of_m_mask = vulkan::n_of_m_mask<T>;
  table.binarize_weights = vulkan::binarize_weights<T>;
  table.binarize_activations_forward = vulkan::binarize_activations_forward<T>;
  table.binarize_activations_backward = vulkan::binarize_activations_backward<T>;
  table.filter_norms = vulkan::filter_norms<T>;
  table.pairwise_distances = vulkan::pairwise_distances<T>;
  table.quantize_to_codes = vulkan::quantize_to_codes<T>;
  table.dequantize_codes = vulkan::dequantize_codes<T>;
  table.quantize_groups = vulkan::quantize_groups<T>;
  table.dequantize_groups = vulkan::dequantize_groups<T>;
  return table;
}

// The table of the selected device, or null where there is none.
template <typename T>
const KernelTable<T>* table_on(DeviceKind device_kind) {
  if (device_kind != DeviceKind::kCpu && device_kind != DeviceKind::kVulkan) return nullptr;
  return vulkan::selected_device().ok() ? &vulkan_kernels<T>() : nullptr;
}

// The device of a pointer, which need not be the selected one any more.
absl::StatusOr<vulkan::Device*> owner_of(const void* pointer) {
  vulkan::Device* const device = vulkan::device_of(pointer);
  if (device != nullptr) return device;
  // Its error says what the pointer is not.
  return vulkan::selected_device();
}

// The memory of the device that is selected at the time of allocate().
class SelectedMemory : public DeviceMemory {
 public:
  absl::StatusOr<void*> allocate(int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(vulkan::Device * device, vulkan::selected_device());
    return device->allocate(bytes);
  }
  void free(void* address) override {
    const absl::StatusOr<vulkan::Device*> device = owner_of(address);
    const absl::Status status = device.ok() ? (*device)->free(address) : device.status();
    if (!status.ok()) log_warning(absl::StrCat("Vulkan memory was not freed: ", std::string(status.message())));
  }
  absl::Status copy_from_host(void* to, const void* from, int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(vulkan::Device * device, owner_of(to));
    return device->copy_to_device(to, from, bytes);
  }
  absl::Status copy_to_host(void* to, const void* from, int64_t bytes) override {
    PARE_ASSIGN_OR_RETURN(vulkan::Device * device, owner_of(from));
    return device->copy_to_host(to, from, bytes);
  }
  // By a shader, as kernels work: a driver's own copy may be faster or slower.
  absl::Status copy(void* to, const void* from, int64_t bytes) override {
    return vulkan::copy_bytes(static_cast<const uint8_t*>(from), bytes, static_cast<uint8_t*>(to));
  }
  absl::Status synchronize() override {
    PARE_ASSIGN_OR_RETURN(vulkan::Device * device, vulkan::selected_device());
    return device->synchronize();
  }
};

std::string megabytes(uint64_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

const char* yes_or_no(bool value) { return value ? "yes" : "no"; }

// The devices, the one that a selection without a name takes first.
absl::StatusOr<std::vector<DeviceDescription>> describe_devices() {
  PARE_ASSIGN_OR_RETURN(const std::vector<vulkan::DeviceProperties> devices, vulkan::list_devices());
  const absl::StatusOr<size_t> selected = vulkan::selected_index();
  std::vector<DeviceDescription> descriptions;
  for (const vulkan::DeviceProperties& device : devices) {
    DeviceDescription description{.name = device.name, .is_software = device.type == "CPU"};
    auto& properties = description.properties;
    properties = {{"type", device.type}, {"driver", device.driver}, {"Vulkan", device.api_version}};
    if (!device.usable.ok()) {
      properties.emplace_back("unusable", std::string(device.usable.message()));
    } else {
      properties.insert(properties.end(),
                        {{"memory", megabytes(device.memory_bytes)},
                         {"largest allocation", megabytes(device.max_allocation_bytes)},
                         {"largest buffer", megabytes(device.max_buffer_bytes)},
                         {"workgroup", absl::StrCat(device.local_size, " invocations, at most ", device.max_groups)},
                         {"subgroup", absl::StrCat(device.subgroup_size, device.subgroups ? ", used" : ", not used")},
                         {"unified memory", yes_or_no(device.unified_memory)},
                         {"host memory in place", yes_or_no(device.host_import)},
                         {"16-bit storage", yes_or_no(device.storage_16bit)},
                         {"denormal numbers", device.preserves_denormals ? "kept" : "flushed"}});
    }
    description.is_selected = selected.ok() && *selected == device.index;
    descriptions.push_back(std::move(description));
  }
  return descriptions;
}

}  // namespace

template <typename T>
const KernelTable<T>& vulkan_kernels() {
  static constexpr KernelTable<T> keeping = make_table<T>(false), flushing = make_table<T>(true);
  const absl::StatusOr<vulkan::Device*> device = vulkan::selected_device();
  return device.ok() && (*device)->properties().preserves_denormals ? keeping : flushing;
}

template const KernelTable<float>& vulkan_kernels();
template const KernelTable<Half>& vulkan_kernels();
template const KernelTable<BFloat16>& vulkan_kernels();

absl::Status register_vulkan_backend() {
  static auto* const memory = new SelectedMemory;
  static const absl::Status status = register_backend({
      .name = "vulkan",
      .priority = 50,
      .float32 = table_on<float>,
      .float16 = table_on<Half>,
      .bfloat16 = table_on<BFloat16>,
      .devices = describe_devices,
      .select_device = [](std::string_view name) { return vulkan::select_device(name).status(); },
      .device_kind = DeviceKind::kVulkan,
      .memory = []() -> absl::StatusOr<DeviceMemory*> {
        PARE_RETURN_IF_ERROR(vulkan::selected_device().status());
        return memory;
      },
  });
  return status;
}

}  // namespace pare::backends
