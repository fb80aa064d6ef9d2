// ops/tensor_kernels.h: how an operation calls a kernel on at::Tensors. Internal to ops/.
//
//   const at::Tensor dense = dense_numbers("abs_max", x);
//   const at::Tensor result = empty_float32({channels_of(dense, 1)}, dense.device());
//   with_kernel_type(dense, [&](auto type) {
//     using T = decltype(type);
//     throw_unless_ok(kernel_for(kAbsMax<T>, dense.device())(torch_execution(), layout_of(dense, 1), data_of<T>(dense),
//                                                            mutable_data_of(result)));
//   });
//
// float16 and bfloat16 tensors go to the kernels as they are: these compute in float32 and round once, so a conversion
// before and after would give the same numbers for three passes over memory more.
//
// Tensors are the CPU's or CUDA's, and all of one operation lie on one device. On CUDA all that kernels take and give
// is there, parameters and sums too, so an operation only starts what it does: the host neither copies nor waits,
// unless the result is the host's.
//
// Operations run inside a graph, between LibTorch's own: they throw c10::Error, and the boundary of the graph turns it
// into a status.

#ifndef PARE_OPS_TENSOR_KERNELS_H_
#define PARE_OPS_TENSOR_KERNELS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>

#include "backends/half.h"
#include "backends/kernel_backend.h"
#include "ops/kernel_lookup.h"
#include "ops/torch_execution.h"

namespace pare::ops {

// Whether kernels take numbers of this type: float32, float16 and bfloat16.
bool is_kernel_type(at::ScalarType type);

// x as kernels take it: of a kernels' type, on the CPU or on CUDA, its elements filling a piece of memory in any order
// of dimensions. x itself if it is so already; else a conversion that autograd sees, of other types to float32.
// `operation` is for messages. Throws if x is undefined, not floating, sparse or quantized, or elsewhere.
at::Tensor dense_numbers(const char* operation, const at::Tensor& x);

// The same, but always float32.
at::Tensor dense_float32(const char* operation, const at::Tensor& x);

// dense_numbers() without gradients, of an x of which channel_axis is -1 or a dimension.
at::Tensor dense_values(const char* operation, const at::Tensor& x, int64_t channel_axis);

// float32, with any content.
at::Tensor empty_float32(at::IntArrayRef shape, at::Device device);

// Throws unless the other tensor, which `name` tells of, is where x is.
void check_device(const char* operation, const at::Tensor& x, const char* name, const at::Tensor& other);

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

// The parameter of x as `channels` numbers: float32, [channels], contiguous, perhaps in the parameter's own memory.
// Throws if it has another number of elements, or is elsewhere than x.
at::Tensor channel_parameters(const char* operation, const at::Tensor& x, const char* name, const at::Tensor& parameter,
                              int64_t channels);

// A gradient of the parameter's shape and type with these numbers, float32, one an element.
at::Tensor parameter_gradient(const at::Tensor& parameter, const at::Tensor& numbers);

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

}  // namespace pare::ops

#endif  // PARE_OPS_TENSOR_KERNELS_H_
