#include "backends/cuda/cuda_api.h"

#include <dlfcn.h>

#include <type_traits>

#include "absl/strings/str_cat.h"

namespace pare::backends::cuda {
namespace {

constexpr int kOutOfMemory = 2;  // CUDA_ERROR_OUT_OF_MEMORY

}  // namespace

absl::Status CudaApi::check(Result result, const char* what) const {
  if (result == 0) return absl::OkStatus();
  const char* name = nullptr;
  if (error_name == nullptr || error_name(result, &name) != 0 || name == nullptr) name = "unknown error";
  const std::string message = absl::StrCat("CUDA, ", what, ": ", name, " (", result, ")");
  if (result == kOutOfMemory) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

absl::StatusOr<CudaApi> load_cuda_api() {
  void* const library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);  // Never closed.
  if (library == nullptr) return absl::UnavailableError("there is no NVIDIA driver: libcuda.so.1 is not found");
  CudaApi api;
  const char* missing = nullptr;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr) missing = name;
  };
  find("cuInit", api.initialize);
  find("cuGetErrorName", api.error_name);
  find("cuDeviceGetCount", api.device_count);
  find("cuDeviceGetName", api.device_name);
  find("cuDeviceTotalMem_v2", api.device_memory);
  find("cuDeviceGetAttribute", api.device_attribute);
  find("cuDevicePrimaryCtxRetain", api.retain_primary_context);
  find("cuDriverGetVersion", api.driver_version);
  find("cuCtxPushCurrent_v2", api.push_context);
  find("cuCtxPopCurrent_v2", api.pop_context);
  find("cuDeviceGetDefaultMemPool", api.default_pool);
  find("cuMemPoolSetAttribute", api.set_pool_attribute);
  find("cuPointerGetAttribute", api.pointer_attribute);
  find("cuMemAllocAsync", api.allocate_async);
  find("cuMemFreeAsync", api.free_async);
  find("cuMemcpyHtoDAsync_v2", api.copy_from_host);
  find("cuMemcpyDtoHAsync_v2", api.copy_to_host);
  find("cuMemcpyDtoDAsync_v2", api.copy);
  find("cuStreamSynchronize", api.stream_synchronize);
  find("cuModuleLoadData", api.load_module);
  find("cuModuleGetFunction", api.module_function);
  find("cuLaunchKernel", api.launch);
  if (missing != nullptr) {
    return absl::UnavailableError(
        absl::StrCat("the NVIDIA driver is older than CUDA 11.2: libcuda.so.1 has no ", missing));
  }
  if (const int result = api.initialize(0); result != 0) {
    return absl::UnavailableError(std::string(api.check(result, "looking for GPUs").message()));
  }
  return api;
}

}  // namespace pare::backends::cuda
