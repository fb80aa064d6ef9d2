// ops/tensor_kernels.h: how an operation calls a kernel on at::Tensors. Internal to ops/.
//
//   const at::Tensor dense = dense_float32("abs_max", x);
//   throw_unless_ok(kernel_for(kAbsMax<float>)(torch_execution(), layout_of(dense, 1), data_of(dense), out));
//
// Operations run inside a graph, between LibTorch's own: they throw c10::Error, and the boundary of the graph turns it
// into a status.

#ifndef PARE_OPS_TENSOR_KERNELS_H_
#define PARE_OPS_TENSOR_KERNELS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "backends/cpu/backend.h"
#include "backends/registry.h"
#include "ops/kernel_choice.h"
#include "ops/torch_execution.h"

namespace pare::ops {

// Throws a c10::Error with the status's message.
void throw_unless_ok(const absl::Status& status);

// x as kernels take it: float32, on the CPU, its elements filling a piece of memory in any order of dimensions. x
// itself if it is so already; else a conversion that autograd sees. `operation` is for messages. Throws if x is
// undefined, not floating, sparse or quantized, or not on the CPU.
at::Tensor dense_float32(const char* operation, const at::Tensor& x);

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

// The gradient as float32 with its elements in the order that those of x, which is dense, have in memory.
at::Tensor in_order_of(const at::Tensor& x, const at::Tensor& gradient);

inline const float* data_of(const at::Tensor& dense) { return static_cast<const float*>(dense.data_ptr()); }
inline float* mutable_data_of(const at::Tensor& dense) { return static_cast<float*>(dense.data_ptr()); }

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
