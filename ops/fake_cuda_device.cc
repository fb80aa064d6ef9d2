#include "ops/fake_cuda_device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>
#include <torch/version.h>

#include <atomic>
#include <cstdint>
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
  bool hasCUDA() const override { return true; }
#if TORCH_VERSION_MAJOR >= 2
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  void init() const override {}
  const at::Generator& getDefaultGenerator(at::DeviceIndex) const override { return default_generator(); }
  // Without "override": not every version asks.
  bool isBuilt() const { return true; }
  bool isAvailable() const { return true; }
#else
  bool hasPrimaryContext(int64_t) const override { return true; }
  void initCUDA() const override {}
  const at::Generator& getDefaultCUDAGenerator(at::DeviceIndex) const override { return default_generator(); }
#endif

 private:
  static const at::Generator& default_generator() {
    static const auto* const generator = new at::Generator(at::detail::createCPUGenerator());
    return *generator;
  }
};

using at::CUDAHooksRegistry;
using at::RegistererCUDAHooksRegistry;
REGISTER_CUDA_HOOKS(CUDAHooks);

// Addresses of the device: no memory of the host's, so what reads or writes there by itself is stopped.
constexpr uintptr_t kDeviceBit = uintptr_t{1} << 62;

bool is_device_address(const void* pointer) { return (reinterpret_cast<uintptr_t>(pointer) & kDeviceBit) != 0; }

template <typename T>
T* on_device(T* pointer) {
  return pointer == nullptr ? nullptr : reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(pointer) | kDeviceBit);
}

template <typename T>
T* on_host(T* pointer) {
  return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(pointer) & ~kDeviceBit);
}

// The memory of a tensor under the name of a device.
c10::Storage storage_on(at::Device device, const at::Tensor& x) {
  auto* const owner = new c10::Storage(x.storage());
  void* const memory = on_host(const_cast<void*>(owner->data()));
  return c10::Storage(c10::Storage::use_byte_size_t(), owner->nbytes(),
                      c10::DataPtr(
                          device.is_cuda() ? on_device(memory) : memory, owner,
                          [](void* context) { delete static_cast<c10::Storage*>(context); }, device),
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
      if (cpu.storage().data() != on_host(device.storage().data())) {
        tensor->set_storage_keep_dtype(storage_on(kFake, cpu));
      }
      tensor->set_sizes_and_strides(cpu.sizes(), cpu.strides(), cpu.storage_offset());
      return device;
    }
    return alias_on(kFake, x);
  }

  bool has_arguments() const { return !arguments_.empty(); }

 private:
  std::vector<std::pair<at::Tensor, at::Tensor>> arguments_;
};

// A tensor or a list of them; all else stays.
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
  if (name == "aten::copy_") {
    const at::Tensor to = torch::jit::peek(*stack, 0, count).toTensor();
    if (torch::jit::peek(*stack, 1, count).toTensor().device() != to.device()) ++waits;
  }
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

// What a kernel of the CPU takes for an argument of one of the device. Host memory is copied there: the host waits.
template <typename T>
T* numbers_for_cpu(T* numbers) {
  if (numbers != nullptr && !is_device_address(numbers)) ++waits;
  return on_host(numbers);
}

template <typename A>
struct Argument {
  explicit Argument(A argument) : value(argument) {}
  A value;
};
template <typename T>
struct Argument<T*> {
  explicit Argument(T* numbers) : value(numbers_for_cpu(numbers)) {}
  T* value;
};
template <>
struct Argument<const backends::RandomStream*> {
  explicit Argument(const backends::RandomStream* random) : value(random) {}
  const backends::RandomStream* value;
};
template <>
struct Argument<const backends::QuantizationGrid&> {
  explicit Argument(const backends::QuantizationGrid& grid)
      : value{numbers_for_cpu(grid.step), numbers_for_cpu(grid.inverse_step), numbers_for_cpu(grid.lowest),
              numbers_for_cpu(grid.highest)} {}
  backends::QuantizationGrid value;
};
template <>
struct Argument<const backends::HistogramBins&> {
  explicit Argument(const backends::HistogramBins& bins)
      : value{numbers_for_cpu(bins.low), numbers_for_cpu(bins.high), numbers_for_cpu(bins.width),
              numbers_for_cpu(bins.inverse_width), bins.bins} {}
  backends::HistogramBins value;
};
template <typename Sums>
struct SumsArgument {
  explicit SumsArgument(const Sums* sums) : value(sums == nullptr ? nullptr : &copy) {
    if (sums == nullptr) return;
    const auto& [first, second, third] = *sums;
    copy = {numbers_for_cpu(first), numbers_for_cpu(second), numbers_for_cpu(third)};
  }
  SumsArgument(const SumsArgument&) = delete;
  Sums copy{};
  const Sums* value;
};
template <>
struct Argument<const backends::FakeQuantizeSums*> : SumsArgument<backends::FakeQuantizeSums> {
  using SumsArgument::SumsArgument;
};
template <>
struct Argument<const backends::BinarizationSums*> : SumsArgument<backends::BinarizationSums> {
  using SumsArgument::SumsArgument;
};

// The CPU's kernel for the device's addresses.
template <typename T, auto kEntry>
struct DeviceKernelOf;
template <typename T, typename... A, absl::Status (*backends::KernelTable<T>::*kEntry)(A...)>
struct DeviceKernelOf<T, kEntry> {
  static absl::Status call(A... arguments) {
    return (backends::cpu_kernels<T>().*kEntry)(Argument<A>(arguments).value...);
  }
};

template <typename T>
backends::KernelTable<T> device_table() {
  using Table = backends::KernelTable<T>;
  Table table;
#define PARE_ENTRY(name) table.name = DeviceKernelOf<T, &Table::name>::call
  PARE_ENTRY(fake_quantize_forward);
  PARE_ENTRY(fake_quantize_backward);
  PARE_ENTRY(min_max);
  PARE_ENTRY(abs_max);
  PARE_ENTRY(mean_variance);
  PARE_ENTRY(histogram);
  PARE_ENTRY(key_histogram);
  PARE_ENTRY(magnitude_mask);
  PARE_ENTRY(apply_mask);
  PARE_ENTRY(count_zeros);
  PARE_ENTRY(count_above);
  PARE_ENTRY(rb_mask_forward);
  PARE_ENTRY(rb_mask_backward);
  PARE_ENTRY(n_of_m_mask);
  PARE_ENTRY(binarize_weights);
  PARE_ENTRY(binarize_activations_forward);
  PARE_ENTRY(binarize_activations_backward);
  PARE_ENTRY(filter_norms);
  PARE_ENTRY(pairwise_distances);
  PARE_ENTRY(quantize_to_codes);
  PARE_ENTRY(dequantize_codes);
  PARE_ENTRY(quantize_groups);
  PARE_ENTRY(dequantize_groups);
#undef PARE_ENTRY
  return table;
}

template <typename T>
const backends::KernelTable<T>* table_on(DeviceKind device) {
  static const backends::KernelTable<T> table = device_table<T>();
  return device == DeviceKind::kCuda ? &table : nullptr;
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
