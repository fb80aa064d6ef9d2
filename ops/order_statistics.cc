#include "ops/order_statistics.h"

#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

#include "backends/selection.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using backends::SelectionPart;

// A table with the one kernel that selection needs.
template <typename T>
backends::KernelTable<T> selection_table(at::Device device) {
  backends::KernelTable<T> table;
  table.key_histogram = kernel_for(backends::kKeyHistogram<T>, device).function();
  return table;
}

backends::SelectionOptions options_on(at::Device device, bool without_zeros = false) {
  return {.host_memory = device.is_cpu(), .without_zeros = without_zeros};
}

at::Tensor tensor_of(const std::vector<float>& numbers, at::IntArrayRef shape, at::Device device) {
  const at::Tensor tensor = empty_float32(shape, at::kCPU);
  std::copy(numbers.begin(), numbers.end(), mutable_data_of(tensor));
  return tensor.to(device);
}

template <typename Value>
Value value_of(absl::StatusOr<Value> result) {
  throw_unless_ok(result.status());
  return *std::move(result);
}

// The weights as one selection takes them: of one type, which is float32 if they are of several.
std::vector<at::Tensor> alike(const char* operation, const std::vector<at::Tensor>& weights) {
  std::vector<at::Tensor> dense;
  bool same_type = true;
  for (const at::Tensor& weight : weights) {
    dense.push_back(dense_values(operation, weight, -1));
    check_device(operation, dense.front(), "a weight", dense.back());
    same_type = same_type && dense.back().scalar_type() == dense.front().scalar_type();
  }
  if (!same_type) {
    for (at::Tensor& weight : dense) weight = weight.to(at::kFloat);
  }
  return dense;
}

// 1 over the weight's L2 norm. 1 for a layer of zeros, which has no importance whatever the scale, and for one with a
// NaN. A norm is 0 or a root of a float, so this never overflows.
template <typename T>
float inverse_norm(const at::Tensor& dense) {
  float norm = 0;
  throw_unless_ok(kernel_for(backends::kFilterNorms<T>, dense.device())(
      torch_execution(), backends::Layout::per_tensor(dense.numel()), data_of<T>(dense), nullptr, &norm));
  return norm > 0 ? 1.0f / norm : 1.0f;
}

}  // namespace

at::Tensor order_statistics(const at::Tensor& x, int64_t channel_axis, const std::vector<int64_t>& ranks) {
  const at::Tensor dense = dense_values("order_statistics", x, channel_axis);
  const backends::Layout layout = layout_of(dense, channel_axis);
  const at::Device device = dense.device();
  const c10::DeviceGuard guard(device);
  return with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    const SelectionPart<T> part{data_of<T>(dense), layout};
    return tensor_of(value_of(backends::select_ranks<T>(selection_table<T>(device), torch_execution(), {part}, ranks,
                                                        options_on(device))),
                     {layout.channels, static_cast<int64_t>(ranks.size())}, device);
  });
}

at::Tensor percentile(const at::Tensor& x, int64_t channel_axis, double percent) {
  const at::Tensor dense = dense_values("percentile", x, channel_axis);
  const backends::Layout layout = layout_of(dense, channel_axis);
  const at::Device device = dense.device();
  const c10::DeviceGuard guard(device);
  return with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    const SelectionPart<T> part{data_of<T>(dense), layout};
    return tensor_of(value_of(backends::percentile<T>(selection_table<T>(device), torch_execution(), {part}, percent,
                                                      options_on(device))),
                     {layout.channels}, device);
  });
}

MedianAndDeviation median_absolute_deviation(const at::Tensor& x, int64_t channel_axis, bool without_zeros) {
  const at::Tensor dense = dense_values("median_absolute_deviation", x, channel_axis);
  const backends::Layout layout = layout_of(dense, channel_axis);
  const at::Device device = dense.device();
  const c10::DeviceGuard guard(device);
  std::vector<float> medians;
  const std::vector<float> deviations = with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    return value_of(backends::median_absolute_deviation<T>(selection_table<T>(device), torch_execution(), layout,
                                                           data_of<T>(dense), &medians,
                                                           options_on(device, without_zeros)));
  });
  return {tensor_of(medians, {layout.channels}, device), tensor_of(deviations, {layout.channels}, device)};
}

MagnitudeThreshold magnitude_threshold(const std::vector<at::Tensor>& weights, double level, Importance importance) {
  constexpr char kName[] = "magnitude_threshold";
  TORCH_CHECK(!weights.empty(), kName, ": one weight or more is expected, but there is none");
  const std::vector<at::Tensor> dense = alike(kName, weights);
  const at::Device device = dense[0].device();
  const c10::DeviceGuard guard(device);
  MagnitudeThreshold result{0, std::vector<float>(dense.size(), 1.0f)};
  with_kernel_type(dense[0], [&](auto type) {
    using T = decltype(type);
    std::vector<SelectionPart<T>> parts;
    for (size_t i = 0; i < dense.size(); ++i) {
      if (importance == Importance::kNormedAbs) result.scales[i] = inverse_norm<T>(dense[i]);
      parts.push_back({data_of<T>(dense[i]), backends::Layout::per_tensor(dense[i].numel()), /*magnitude=*/true,
                       nullptr, &result.scales[i]});
    }
    result.threshold = value_of(backends::threshold_for_level<T>(selection_table<T>(device), torch_execution(), parts,
                                                                 level, options_on(device)));
  });
  return result;
}

}  // namespace pare::ops
