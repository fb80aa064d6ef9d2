#include "backends/reference/backend.h"

#include "backends/reference/kernels.h"
#include "backends/registry.h"

namespace pare::backends {

namespace {

template <typename T>
constexpr KernelTable<T> make_table() {
  KernelTable<T> table;
  table.fake_quantize_forward = reference::fake_quantize_forward<T>;
  table.fake_quantize_backward = reference::fake_quantize_backward<T>;
  table.min_max = reference::min_max<T>;
  table.abs_max = reference::abs_max<T>;
  table.mean_variance = reference::mean_variance<T>;
  table.histogram = reference::histogram<T>;
  table.key_histogram = reference::key_histogram<T>;
  return table;
}

}  // namespace

template <typename T>
const KernelTable<T>& reference_kernels() {
  static constexpr KernelTable<T> table = make_table<T>();
  return table;
}

template const KernelTable<float>& reference_kernels();
template const KernelTable<Half>& reference_kernels();
template const KernelTable<BFloat16>& reference_kernels();

absl::Status register_reference_backend() {
  static const absl::Status status = register_backend({
      .name = "reference",
      .priority = 0,
      .float32 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &reference_kernels<float>() : nullptr; },
      .float16 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &reference_kernels<Half>() : nullptr; },
      .bfloat16 =
          [](DeviceKind device) { return device == DeviceKind::kCpu ? &reference_kernels<BFloat16>() : nullptr; },
  });
  return status;
}

}  // namespace pare::backends
