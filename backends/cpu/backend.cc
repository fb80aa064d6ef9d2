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
  table.min_max = cpu::min_max<T>;
  table.abs_max = cpu::abs_max<T>;
  table.mean_variance = cpu::mean_variance<T>;
  table.histogram = cpu::histogram<T>;
  table.key_histogram = cpu::key_histogram<T>;
  table.magnitude_mask = cpu::magnitude_mask<T>;
  table.apply_mask = cpu::apply_mask<T>;
  table.count_zeros = cpu::count_zeros<T>;
  table.count_above = cpu::count_above<T>;
  table.rb_mask_forward = cpu::rb_mask_forward<T>;
  table.rb_mask_backward = cpu::rb_mask_backward<T>;
  table.n_of_m_mask = cpu::n_of_m_mask<T>;
  table.binarize_weights = cpu::binarize_weights<T>;
  table.binarize_activations_forward = cpu::binarize_activations_forward<T>;
  table.binarize_activations_backward = cpu::binarize_activations_backward<T>;
  table.filter_norms = cpu::filter_norms<T>;
  table.pairwise_distances = cpu::pairwise_distances<T>;
  table.quantize_to_codes = cpu::quantize_to_codes<T>;
  table.dequantize_codes = cpu::dequantize_codes<T>;
  table.quantize_groups = cpu::quantize_groups<T>;
  table.dequantize_groups = cpu::dequantize_groups<T>;
  return table;
}

}  // namespace

template <typename T>
const KernelTable<T>& cpu_kernels() {
  static constexpr KernelTable<T> table = make_table<T>();
  return table;
}

template const KernelTable<float>& cpu_kernels();
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
