// ops/tensor_kernels.h: how an operation calls a kernel on at::Tensors. Internal to ops/.
//
//   const at::Tensor dense = dense_numbers("abs_max", x), result = empty_float32({channels_of(dense, 1)});
//   with_kernel_type(dense, [&](auto type) {
//     using T = decltype(type);
//     throw_unless_ok(kernel_for(kAbsMax<T>)(torch_execution(), layout_of(dense, 1), data_of<T>(dense),
//                                            mutable_data_of(result)));
//   });
//
// float16 and bfloat16 tensors go to the kernels as they are: these compute in float32 and round once, so a conversion
// before and after would give the same numbers for three passes over memory more.
//
// Operations run inside a graph, between LibTorch's own: they throw c10::Error, and the boundary of the graph turns it
// into a status.

#ifndef PARE_OPS_TENSOR_KERNELS_H_
#define PARE_OPS_TENSOR_KERNELS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "absl/status/status.h"
#include "backends/cpu/backend.h"
#include "backends/half.h"
#include "backends/registry.h"
#include "ops/kernel_choice.h"
#include "ops/torch_execution.h"

namespace pare::ops {

// Throws a c10::Error with the status's message.
void throw_unless_ok(const absl::Status& status);

// Whether kernels take numbers of this type: float32, float16 and bfloat16.
bool is_kernel_type(at::ScalarType type);

// x as kernels take it: of a kernels' type, on the CPU, its elements filling a piece of memory in any order of
// dimensions. x itself if it is so already; else a conversion that autograd sees, of other types to float32.
// `operation` is for messages. Throws if x is undefined, not floating, sparse or quantized, or not on the CPU.
at::Tensor dense_numbers(const char* operation, const at::Tensor& x);

// The same, but always float32.
at::Tensor dense_float32(const char* operation, const at::Tensor& x);

// dense_numbers() without gradients, of an x of which channel_axis is -1 or a dimension.
at::Tensor dense_values(const char* operation, const at::Tensor& x, int64_t channel_axis);

// float32 on the CPU, with any content.
at::Tensor empty_float32(at::IntArrayRef shape);

// Whether a gradient of one of them may be asked for. Where not, the kernel alone is called: no node, nothing kept.
bool needs_gradients(std::initializer_list<const at::Tensor*> tensors);

// For a backward pass that calls kernels: these know nothing of the graph that create_graph makes, so a second
// derivative would silently be zero. Throws instead.
void refuse_second_derivative(const char* operation);

// Throws unless channel_axis is -1 or a dimension of x.
void check_channel_axis(const char* operation, const at::Tensor& x, int64_t channel_axis);

// How many channels x has along the axis: 1 for -1.
int64_t channels_of(const at::Tensor& x, int64_t channel_axis);

// The layout of a dense tensor in memory, whichever order its dimensions have there.
backends::Layout layout_of(const at::Tensor& dense, int64_t channel_axis);

// The parameter as floats, `channels` of them. Throws if it has another number of elements.
std::vector<float> channel_parameters(const char* operation, const char* name, const at::Tensor& parameter,
                                      int64_t channels);

// A gradient of the parameter's shape and type with these numbers, one an element.
at::Tensor parameter_gradient(const at::Tensor& parameter, const std::vector<float>& numbers);

// The gradient in the type of x, which is dense, and with its elements in the order that those of x have in memory.
at::Tensor in_order_of(const at::Tensor& x, const at::Tensor& gradient);

// The elements of a tensor that holds T, in memory's order; of bytes and masks, whose bool is a byte of 0 or 1, as
// uint8_t. Null if it is undefined, as kernels expect of what is not wanted.
template <typename T = float>
const T* data_of(const at::Tensor& dense) {
  return dense.defined() ? static_cast<const T*>(dense.data_ptr()) : nullptr;
}
template <typename T = float>
T* mutable_data_of(const at::Tensor& dense) {
  return dense.defined() ? static_cast<T*>(dense.data_ptr()) : nullptr;
}

// Calls visit(T()), T being the kernels' type for the numbers of this tensor, which is_kernel_type().
template <typename Visit>
decltype(auto) with_kernel_type(const at::Tensor& dense, const Visit& visit) {
  switch (dense.scalar_type()) {
    case at::kHalf:
      return visit(backends::Half());
    case at::kBFloat16:
      return visit(backends::BFloat16());
    default:
      return visit(float());
  }
}

// The kernel of the chosen backend for the CPU.
template <typename T, typename Function>
Function kernel_for(const backends::Kernel<T, Function>& kernel) {
  throw_unless_ok(backends::register_cpu_backend());
  const auto found = backends::find_kernel(kernel_backend(), backends::DeviceKind::kCpu, kernel);
  throw_unless_ok(found.status());
  return *found;
}

}  // namespace pare::ops

#endif  // PARE_OPS_TENSOR_KERNELS_H_
