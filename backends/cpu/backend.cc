#include "backends/cpu/backend.h"

#include "backends/cpu/kernels.h"
#include "backends/registry.h"

namespace pare::backends {

const KernelTable<float>& cpu_kernels() {
  static constexpr KernelTable<float> table = {
      .fake_quantize_forward = cpu::fake_quantize_forward,
      .fake_quantize_backward = cpu::fake_quantize_backward,
      .quantize_to_codes = cpu::quantize_to_codes,
      .min_max = cpu::min_max,
      .abs_max = cpu::abs_max,
      .histogram = cpu::histogram,
  };
  return table;
}

absl::Status register_cpu_backend() {
  static const absl::Status status = register_backend({
      .name = "cpu",
      .priority = 100,
      .float32 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &cpu_kernels() : nullptr; },
  });
  return status;
}

}  // namespace pare::backends
