#include "backends/reference/backend.h"

#include "backends/reference/kernels.h"
#include "backends/registry.h"

namespace pare::backends {

const KernelTable<float>& reference_kernels() {
  static constexpr KernelTable<float> table = {
      .fake_quantize_forward = reference::fake_quantize_forward,
      .fake_quantize_backward = reference::fake_quantize_backward,
      .quantize_to_codes = reference::quantize_to_codes,
      .min_max = reference::min_max,
      .abs_max = reference::abs_max,
      .histogram = reference::histogram,
  };
  return table;
}

absl::Status register_reference_backend() {
  static const absl::Status status = register_backend({
      .name = "reference",
      .priority = 0,
      .float32 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &reference_kernels() : nullptr; },
  });
  return status;
}

}  // namespace pare::backends
