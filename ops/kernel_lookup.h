// ops/kernel_lookup.h: the kernel that runs where a tensor lies. Internal to ops/.
//
//   status = kernel_for(kAbsMax<T>, x.device())(torch_execution(), layout, data_of<T>(x), mutable_data_of(result));
//
// For the CPU it is that of the chosen backend (ops/kernel_choice.h), for CUDA that of the backend "cuda", whatever is
// chosen for host memory. It runs with the tensor's device as LibTorch's current one, so on that device's current
// stream: in order with LibTorch's own operators, and the host does not wait.

#ifndef PARE_OPS_KERNEL_LOOKUP_H_
#define PARE_OPS_KERNEL_LOOKUP_H_

#include <c10/core/Device.h>
#include <c10/core/DeviceGuard.h>

#include "absl/status/status.h"
#include "backends/cpu/backend.h"
#include "backends/registry.h"
#include "ops/kernel_choice.h"

namespace pare::ops {

// Throws a c10::Error with the status's message.
void throw_unless_ok(const absl::Status& status);

template <typename Function>
class DeviceKernel;

// A kernel and the device that it is called on.
template <typename... A>
class DeviceKernel<absl::Status (*)(A...)> {
 public:
  using Function = absl::Status (*)(A...);

  DeviceKernel(Function function, at::Device device) : function_(function), device_(device) {}

  absl::Status operator()(A... arguments) const {
    const c10::DeviceGuard guard(device_);
    return function_(arguments...);
  }

  // For those who call it from elsewhere, and make its device the current one themselves.
  Function function() const { return function_; }

 private:
  const Function function_;
  const at::Device device_;
};

namespace internal {

// Throws if it is not registered.
const backends::KernelBackend& cuda_backend(at::Device device);

[[noreturn]] void throw_no_cuda_device(const backends::KernelBackend& backend, at::Device device);

[[noreturn]] void throw_no_cuda_kernel(const char* kernel, at::Device device);

}  // namespace internal

// Throws c10::Error if there is none, with what to do.
template <typename T, typename Function>
DeviceKernel<Function> kernel_for(const backends::Kernel<T, Function>& kernel, at::Device device) {
  if (!device.is_cuda()) {
    throw_unless_ok(backends::register_cpu_backend());
    const auto found = backends::find_kernel(kernel_backend(), backends::DeviceKind::kCpu, kernel);
    throw_unless_ok(found.status());
    return {*found, device};
  }
  const backends::KernelBackend& backend = internal::cuda_backend(device);
  const backends::KernelTable<T>* const table = backend.table<T>(backends::DeviceKind::kCuda);
  if (table == nullptr) internal::throw_no_cuda_device(backend, device);
  const Function function = table->*kernel.entry;
  if (function == nullptr) internal::throw_no_cuda_kernel(kernel.name, device);
  return {function, device};
}

}  // namespace pare::ops

#endif  // PARE_OPS_KERNEL_LOOKUP_H_
