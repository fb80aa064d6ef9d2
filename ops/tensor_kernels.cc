#include "ops/tensor_kernels.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>

#include <string>

namespace pare::ops {

bool is_kernel_type(at::ScalarType type) { return type == at::kFloat || type == at::kHalf || type == at::kBFloat16; }

at::Tensor dense_numbers(const char* operation, const at::Tensor& x) {
  TORCH_CHECK(x.defined(), operation, ": a tensor is expected, but it is undefined");
  TORCH_CHECK(x.layout() == at::kStrided && at::isFloatingType(x.scalar_type()), operation,
              ": a dense tensor of floating-point numbers is expected, but it is ", x.toString());
  TORCH_CHECK(x.device().is_cpu() || x.device().is_cuda(), operation, ": no kernel backend runs on ", x.device(),
              ": move the tensor to the CPU or to CUDA");
  const at::Tensor numbers = is_kernel_type(x.scalar_type()) ? x : x.to(at::kFloat);
  return numbers.is_non_overlapping_and_dense() ? numbers : numbers.contiguous();
}

at::Tensor dense_float32(const char* operation, const at::Tensor& x) {
  return dense_numbers(operation, x).to(at::kFloat);
}

at::Tensor dense_values(const char* operation, const at::Tensor& x, int64_t channel_axis) {
  TORCH_CHECK(x.defined(), operation, ": a tensor is expected, but it is undefined");
  check_channel_axis(operation, x, channel_axis);
  return dense_numbers(operation, x.detach());
}

at::Tensor empty_float32(at::IntArrayRef shape, at::Device device) {
  return at::empty(shape, at::TensorOptions(at::kFloat).device(device));
}

void check_device(const char* operation, const at::Tensor& x, const char* name, const at::Tensor& other) {
  TORCH_CHECK(other.device() == x.device(), operation, ": all tensors are expected on one device, but ", name,
              " is on ", other.device(), " and what it belongs to on ", x.device(), ": move one of them");
}

bool needs_gradients(std::initializer_list<const at::Tensor*> tensors) {
  if (!at::GradMode::is_enabled()) return false;
  for (const at::Tensor* tensor : tensors) {
    if (tensor->requires_grad()) return true;
  }
  return false;
}

void refuse_second_derivative(const char* operation) {
  TORCH_CHECK(!at::GradMode::is_enabled(), operation,
              ": it cannot be differentiated twice: ask for its gradient without create_graph");
}

void check_channel_axis(const char* operation, const at::Tensor& x, int64_t channel_axis) {
  TORCH_CHECK(channel_axis >= -1 && channel_axis < x.dim(), operation, ": the channel axis of a tensor of shape ",
              x.sizes(), " is -1 (per tensor) or one of its ", x.dim(), " dimensions, but it is ", channel_axis);
}

int64_t channels_of(const at::Tensor& x, int64_t channel_axis) { return channel_axis < 0 ? 1 : x.size(channel_axis); }

backends::Layout layout_of(const at::Tensor& dense, int64_t channel_axis) {
  const int64_t channels = channels_of(dense, channel_axis);
  if (dense.numel() == 0) return {1, channels, 0};
  if (channels == 1) return backends::Layout::per_tensor(dense.numel());
  // What lies between two channels of a dense tensor is all that has smaller strides.
  const int64_t inner = dense.stride(channel_axis);
  return {dense.numel() / (channels * inner), channels, inner};
}

at::Tensor channel_parameters(const char* operation, const at::Tensor& x, const char* name, const at::Tensor& parameter,
                              int64_t channels) {
  TORCH_CHECK(parameter.defined() && parameter.numel() == channels, operation, ": ", name,
              " needs one number for each of ", channels, " channels, but ",
              parameter.defined() ? "it has " + std::to_string(parameter.numel()) : std::string("it is undefined"));
  check_device(operation, x, name, parameter);
  return dense_float32(operation, parameter).contiguous().view({channels});
}

at::Tensor parameter_gradient(const at::Tensor& parameter, const at::Tensor& numbers) {
  return numbers.view(parameter.sizes()).to(parameter.scalar_type());
}

at::Tensor in_order_of(const at::Tensor& x, const at::Tensor& gradient) {
  const bool is_so = gradient.strides() == x.strides() && gradient.scalar_type() == x.scalar_type();
  return is_so ? gradient : at::empty_like(x).copy_(gradient);
}

}  // namespace pare::ops
