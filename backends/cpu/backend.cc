#include "backends/cpu/backend.h"

#include "backends/cpu/kernels.h"
#include "backends/registry.h"

namespace pare::backends {

namespace {

template <typename T>
constexpr KernelTable<T> make_table() {
  KernelTable<T> table;
  table.fake_quantize_forward = cpu::fake_quantize_forward<T>;
  table.fake_quantize_backward = cpu::fake_quantize_backward<T>;
  table.binarize_weights = cpu::binarize_weights<T>;
  table.binarize_activations_forward = cpu::binarize_activations_forward<T>;
  table.binarize_activations_backward = cpu::binarize_activations_backward<T>;
  table.filter_norms = cpu::filter_norms<T>;
  table.pairwise_distances = cpu::pairwise_distances<T>;
  return table;
}

}  // namespace

template <typename T>
const KernelTable<T>& cpu_kernels() {
  static constexpr KernelTable<T> table = make_table<T>();
  return table;
}

template <>
const KernelTable<float>& cpu_kernels() {
  static constexpr KernelTable<float> table = [] {
    KernelTable<float> typed = make_table<float>();
    typed.min_max = cpu::min_max;
    typed.abs_max = cpu::abs_max;
    typed.histogram = cpu::histogram;
    return typed;
  }();
  return table;
}

template const KernelTable<Half>& cpu_kernels();
template const KernelTable<BFloat16>& cpu_kernels();

absl::Status register_cpu_backend() {
  static const absl::Status status = register_backend({
      .name = "cpu",
      .priority = 100,
      .float32 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &cpu_kernels<float>() : nullptr; },
      .float16 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &cpu_kernels<Half>() : nullptr; },
      .bfloat16 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &cpu_kernels<BFloat16>() : nullptr; },
  });
  return status;
}

}  // namespace pare::backends
