#include "ops/order_statistics.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "backends/selection.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

using backends::SelectionPart;

// A table with the one kernel that selection needs.
backends::KernelTable<float> selection_table() {
  backends::KernelTable<float> table;
  table.key_histogram = kernel_for(backends::kKeyHistogram<float>);
  return table;
}

at::Tensor dense_of(const char* operation, const at::Tensor& x, int64_t channel_axis) {
  TORCH_CHECK(x.defined(), operation, ": a tensor is expected, but it is undefined");
  check_channel_axis(operation, x, channel_axis);
  return dense_float32(operation, x.detach());
}

at::Tensor tensor_of(const std::vector<float>& numbers, at::IntArrayRef shape) {
  const at::Tensor tensor = at::empty(shape, at::kFloat);
  std::copy(numbers.begin(), numbers.end(), mutable_data_of(tensor));
  return tensor;
}

template <typename Value>
Value value_of(absl::StatusOr<Value> result) {
  throw_unless_ok(result.status());
  return *std::move(result);
}

}  // namespace

at::Tensor order_statistics(const at::Tensor& x, int64_t channel_axis, const std::vector<int64_t>& ranks) {
  const at::Tensor dense = dense_of("order_statistics", x, channel_axis);
  const SelectionPart<float> part{data_of(dense), layout_of(dense, channel_axis)};
  return tensor_of(value_of(backends::select_ranks<float>(selection_table(), torch_execution(), {part}, ranks)),
                   {part.layout.channels, static_cast<int64_t>(ranks.size())});
}

at::Tensor percentile(const at::Tensor& x, int64_t channel_axis, double percent) {
  const at::Tensor dense = dense_of("percentile", x, channel_axis);
  const SelectionPart<float> part{data_of(dense), layout_of(dense, channel_axis)};
  return tensor_of(value_of(backends::percentile<float>(selection_table(), torch_execution(), {part}, percent)),
                   {part.layout.channels});
}

MedianAndDeviation median_absolute_deviation(const at::Tensor& x, int64_t channel_axis, bool without_zeros) {
  const at::Tensor dense = dense_of("median_absolute_deviation", x, channel_axis);
  const backends::Layout layout = layout_of(dense, channel_axis);
  std::vector<float> medians;
  const std::vector<float> deviations = value_of(backends::median_absolute_deviation<float>(
      selection_table(), torch_execution(), layout, data_of(dense), &medians, {.without_zeros = without_zeros}));
  return {tensor_of(medians, {layout.channels}), tensor_of(deviations, {layout.channels})};
}

double magnitude_threshold(const std::vector<at::Tensor>& weights, double level, Importance importance) {
  std::vector<at::Tensor> dense;
  std::vector<float> scales(weights.size(), 1.0f);
  std::vector<SelectionPart<float>> parts;
  for (size_t i = 0; i < weights.size(); ++i) {
    dense.push_back(dense_of("magnitude_threshold", weights[i], -1));
    const backends::Layout layout = backends::Layout::per_tensor(dense[i].numel());
    if (importance == Importance::kNormedAbs) {
      float norm = 0;
      throw_unless_ok(
          kernel_for(backends::kFilterNorms<float>)(torch_execution(), layout, data_of(dense[i]), nullptr, &norm));
      scales[i] = norm > 0 ? 1.0f / norm : 1.0f;  // A layer of zeros: no importance, whatever the scale.
    }
    parts.push_back({data_of(dense[i]), layout, /*magnitude=*/true, nullptr, &scales[i]});
  }
  return value_of(backends::threshold_for_level<float>(selection_table(), torch_execution(), parts, level));
}

}  // namespace pare::ops
