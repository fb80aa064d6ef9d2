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
  table.magnitude_mask = reference::magnitude_mask<T>;
  table.apply_mask = reference::apply_mask<T>;
  table.count_zeros = reference::count_zeros<T>;
  table.count_above = reference::count_above<T>;
  table.rb_mask_forward = reference::rb_mask_forward<T>;
  table.rb_mask_backward = reference::rb_mask_backward<T>;
  table.n_of_m_mask = reference::n_of_m_mask<T>;
  table.binarize_weights = reference::binarize_weights<T>;
  table.binarize_activations_forward = reference::binarize_activations_forward<T>;
  table.binarize_activations_backward = reference::binarize_activations_backward<T>;
  table.filter_norms = reference::filter_norms<T>;
  table.pairwise_distances = reference::pairwise_distances<T>;
  table.quantize_to_codes = reference::quantize_to_codes<T>;
  table.dequantize_codes = reference::dequantize_codes<T>;
  table.quantize_groups = reference::quantize_groups<T>;
  table.dequantize_groups = reference::dequantize_groups<T>;
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
