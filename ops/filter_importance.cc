#include "ops/filter_importance.h"

#include <c10/util/Exception.h>

#include "ops/channel_arithmetic.h"
#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

at::Tensor dense_weight(const char* operation, const at::Tensor& weight, int64_t axis) {
  TORCH_CHECK(weight.defined(), operation, ": a weight is expected, but it is undefined");
  TORCH_CHECK(axis >= 0 && axis < weight.dim(), operation, ": the filters' axis of a weight of shape ", weight.sizes(),
              " is one of its ", weight.dim(), " dimensions, but it is ", axis);
  return dense_numbers(operation, weight.detach());
}

// One of the two may be null.
void compute_norms(const at::Tensor& weight, int64_t axis, float* l1, float* l2) {
  with_kernel_type(weight, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kFilterNorms<T>, weight.device())(torch_execution(), layout_of(weight, axis),
                                                                           data_of<T>(weight), l1, l2));
  });
}

}  // namespace

at::Tensor filter_l1_norms(const at::Tensor& weight, int64_t axis) {
  const at::Tensor dense = dense_weight("filter_l1_norms", weight, axis);
  const at::Tensor result = empty_float32({dense.size(axis)}, dense.device());
  compute_norms(dense, axis, mutable_data_of(result), nullptr);
  return result;
}

at::Tensor filter_l2_norms(const at::Tensor& weight, int64_t axis) {
  const at::Tensor dense = dense_weight("filter_l2_norms", weight, axis);
  const at::Tensor result = empty_float32({dense.size(axis)}, dense.device());
  compute_norms(dense, axis, nullptr, mutable_data_of(result));
  return result;
}

at::Tensor filter_distance_sums(const at::Tensor& weight, int64_t axis) {
  const at::Tensor dense = dense_weight("filter_distance_sums", weight, axis);
  const int64_t filters = dense.size(axis);
  const at::Tensor distances = empty_float32({filters, filters}, dense.device());
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kPairwiseDistances<T>, dense.device())(
        torch_execution(), layout_of(dense, axis), data_of<T>(dense), mutable_data_of(distances)));
  });
  return sums_of_rows(distances).to(at::kFloat);
}

}  // namespace pare::ops
