#include "ops/fake_cuda_device.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/registry.h"

namespace pare::ops {
namespace {

using backends::DeviceKind;

std::atomic<int> waits = 0;

const at::Device kFake(at::kCUDA, 0);

class FakeGuard final : public c10::impl::DeviceGuardImplInterface {
 public:
  at::DeviceType type() const override { return at::kCUDA; }
  at::Device exchangeDevice(at::Device) const override { return kFake; }
  at::Device getDevice() const override { return kFake; }
  void setDevice(at::Device) const override {}
  void uncheckedSetDevice(at::Device) const noexcept override {}
  c10::Stream getStream(at::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, kFake); }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
  at::DeviceIndex deviceCount() const noexcept override { return 1; }
};

C10_REGISTER_GUARD_IMPL(CUDA, FakeGuard);

// What a backward pass asks for, to know the streams that its caller uses. LibTorch finds it by its name.
class CUDAHooks final : public at::CUDAHooksInterface {
 public:
  explicit CUDAHooks(at::CUDAHooksArgs) {}
  bool hasPrimaryContext(int64_t) const override { return true; }
  bool hasCUDA() const override { return true; }
  void initCUDA() const override {}
};

using at::CUDAHooksRegistry;
using at::RegistererCUDAHooksRegistry;
REGISTER_CUDA_HOOKS(CUDAHooks);

// The memory of a tensor under the name of a device.
c10::Storage storage_on(at::Device device, const at::Tensor& x) {
  auto* const owner = new c10::Storage(x.storage());
  return c10::Storage(
      c10::Storage::use_byte_size_t(), owner->nbytes(),
      c10::DataPtr(
          owner->data(), owner, [](void* context) { delete static_cast<c10::Storage*>(context); }, device),
      c10::GetCPUAllocator(), /*resizable=*/true);
}

// The tensor itself, in the same memory, under the name of a device.
at::Tensor alias_on(at::Device device, const at::Tensor& x) {
  const auto key = device.is_cuda() ? c10::DispatchKey::CUDA : c10::DispatchKey::CPU;
  at::Tensor alias =
      at::detail::make_tensor<c10::TensorImpl>(storage_on(device, x), c10::DispatchKeySet(key), x.dtype());
  alias.unsafeGetTensorImpl()->set_sizes_and_strides(x.sizes(), x.strides(), x.storage_offset());
  return alias;
}

// The tensors of one call: each argument of the device, and what stands for it on the CPU.
class Call {
 public:
  at::Tensor on_cpu(const at::Tensor& x) {
    if (!x.defined() || !x.is_cuda()) return x;
    for (const auto& [device, cpu] : arguments_) {
      if (device.is_same(x)) return cpu;
    }
    arguments_.emplace_back(x, alias_on(at::kCPU, x));
    return arguments_.back().second;
  }

  // What stands for an argument may have got a new shape and memory, as a result that was given does.
  at::Tensor on_device(const at::Tensor& x) {
    if (!x.defined() || x.is_cuda()) return x;
    for (const auto& [device, cpu] : arguments_) {
      if (!cpu.is_same(x)) continue;
      c10::TensorImpl* const tensor = device.unsafeGetTensorImpl();
      if (cpu.storage().data() != device.storage().data()) tensor->set_storage_keep_dtype(storage_on(kFake, cpu));
      tensor->set_sizes_and_strides(cpu.sizes(), cpu.strides(), cpu.storage_offset());
      return device;
    }
    return alias_on(kFake, x);
  }

  bool has_arguments() const { return !arguments_.empty(); }

 private:
  std::vector<std::pair<at::Tensor, at::Tensor>> arguments_;
};

// Of a tensor, a list of them, or a device; all else stays.
template <typename Convert>
c10::IValue converted(const c10::IValue& value, const Convert& convert) {
  if (value.isTensor()) return convert(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& each : value.toTensorVector()) list.push_back(convert(each));
    return list;
  }
  return value;
}

void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::string name = op.schema().name();
  const size_t count = op.schema().arguments().size();
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  if (name == "aten::_local_scalar_dense" || name == "aten::equal") ++waits;
  if (name == "aten::copy_" &&
      torch::jit::peek(*stack, 0, count).toTensor().device() != torch::jit::peek(*stack, 1, count).toTensor().device())
    ++waits;
  Call call;
  bool makes_here = false;
  for (size_t i = 0; i < count; ++i) {
    c10::IValue& value = torch::jit::peek(*stack, i, count);
    if (value.isDevice()) {
      makes_here |= value.toDevice().is_cuda();
      value = at::Device(at::kCPU);
    } else {
      value = converted(value, [&](const at::Tensor& x) { return call.on_cpu(x); });
    }
  }
  makes_here |= call.has_arguments();
  op.callBoxed(stack);
  if (!makes_here) return;
  const size_t results = op.schema().returns().size();
  for (size_t i = 0; i < results; ++i) {
    c10::IValue& value = torch::jit::peek(*stack, i, results);
    value = converted(value, [&](const at::Tensor& x) { return call.on_device(x); });
  }
}

TORCH_LIBRARY_IMPL(_, CUDA, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>()); }

// Those that have an implementation for all devices, which has none for this one within.
TORCH_LIBRARY_IMPL(aten, CUDA, library) {
  library.impl("copy_", torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>());
}

template <typename T>
const backends::KernelTable<T>* table_on(DeviceKind device) {
  return device == DeviceKind::kCuda ? (*backends::find_backend("cpu"))->table<T>(DeviceKind::kCpu) : nullptr;
}

const bool is_registered = [] {
  return backends::register_cpu_backend().ok() && backends::register_backend({.name = "cuda",
                                                                              .priority = 40,
                                                                              .float32 = table_on<float>,
                                                                              .float16 = table_on<backends::Half>,
                                                                              .bfloat16 = table_on<backends::BFloat16>})
                                                      .ok();
}();

}  // namespace

at::Tensor to_fake_cuda(const at::Tensor& x) { return alias_on(kFake, x.detach().clone()); }

at::Tensor from_fake_cuda(const at::Tensor& x) { return alias_on(at::kCPU, x.detach()).clone(); }

int take_fake_cuda_waits() { return waits.exchange(0); }

}  // namespace pare::ops
