#include "backends/cuda/libtorch_streams.h"

#include <ATen/ops/empty.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <dlfcn.h>

#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include "base/log.h"
#include "base/torch_guard.h"

namespace pare::backends::cuda {
namespace {

class LibtorchStreams : public Streams {
 public:
  absl::StatusOr<int> current_device() override {
    return guard_torch("LibTorch's current CUDA device", [] { return static_cast<int>(c10::cuda::current_device()); });
  }

  absl::Status set_device(int device) override {
    return guard_torch("selecting a CUDA device",
                       [&] { c10::cuda::set_device(static_cast<c10::DeviceIndex>(device)); });
  }

  absl::StatusOr<CudaApi::Stream> current_stream(int device) override {
    return guard_torch("LibTorch's current CUDA stream", [&]() -> CudaApi::Stream {
      return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
    });
  }

  // An archive of LibTorch has it among its own libraries, with a name of its own; of Python's packages it is another.
  std::vector<std::string> nvrtc_libraries() override {
    Dl_info own = {};
    if (dladdr(reinterpret_cast<const void*>(&c10::cuda::current_device), &own) == 0 || own.dli_fname == nullptr) {
      return {};
    }
    const std::filesystem::path folder = std::filesystem::path(own.dli_fname).parent_path();
    std::vector<std::string> libraries;
    std::error_code error;  // What cannot be listed has none.
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (name.rfind("libnvrtc", 0) == 0 && name.rfind("libnvrtc-builtins", 0) != 0) {
        libraries.push_back(entry.path().string());
      }
    }
    const std::filesystem::path packages = folder / "../../nvidia";
    libraries.push_back((packages / "cu13/lib/libnvrtc.so.13").string());
    libraries.push_back((packages / "cuda_nvrtc/lib/libnvrtc.so.12").string());
    return libraries;
  }

  // The stream is the current one, and LibTorch's allocator hands freed memory on in the order of that stream.
  absl::StatusOr<void*> allocate(int64_t bytes) override {
    initialize();
    return guard_torch("memory of a CUDA device",
                       [&] { return c10::cuda::CUDACachingAllocator::raw_alloc(static_cast<size_t>(bytes)); });
  }

  void free(void* pointer) override {
    const absl::Status status = guard_torch("giving memory of a CUDA device back",
                                            [&] { c10::cuda::CUDACachingAllocator::raw_delete(pointer); });
    if (!status.ok()) log_warning(std::string(status.message()));
  }

 private:
  // The allocator has no devices before LibTorch's CUDA has started, which a program that made no CUDA tensor has not.
  static void initialize() {
    static std::once_flag once;
    std::call_once(once, [] {
      const absl::Status status =
          guard_torch("starting LibTorch's CUDA", [] { at::empty({1}, at::TensorOptions(at::kCUDA)); });
      if (!status.ok()) log_warning(std::string(status.message()));
    });
  }
};

}  // namespace

Streams* libtorch_streams() {
  static auto* const streams = new LibtorchStreams;
  return streams;
}

bool libtorch_has_cuda() { return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA); }

}  // namespace pare::backends::cuda
