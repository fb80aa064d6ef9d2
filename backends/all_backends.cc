#include "backends/all_backends.h"

#include "base/status_macros.h"

#ifdef PARE_BACKEND_CPU
#include "backends/cpu/backend.h"
#endif
#ifdef PARE_BACKEND_CUDA
#include "backends/cuda/backend.h"
#endif
#ifdef PARE_BACKEND_REFERENCE
#include "backends/reference/backend.h"
#endif
#ifdef PARE_BACKEND_VULKAN
#include "backends/vulkan/backend.h"
#endif

namespace pare::backends {

absl::Status register_all_backends() {
#ifdef PARE_BACKEND_CPU
  PARE_RETURN_IF_ERROR(register_cpu_backend());
#endif
#ifdef PARE_BACKEND_CUDA
  PARE_RETURN_IF_ERROR(register_cuda_backend());
#endif
#ifdef PARE_BACKEND_REFERENCE
  PARE_RETURN_IF_ERROR(register_reference_backend());
#endif
#ifdef PARE_BACKEND_VULKAN
  PARE_RETURN_IF_ERROR(register_vulkan_backend());
#endif
  return absl::OkStatus();
}

std::vector<std::string> enabled_backends() {
  return {
#ifdef PARE_BACKEND_CPU
      "cpu",
#endif
#ifdef PARE_BACKEND_CUDA
      "cuda",
#endif
#ifdef PARE_BACKEND_REFERENCE
      "reference",
#endif
#ifdef PARE_BACKEND_VULKAN
      "vulkan",
#endif
  };
}

}  // namespace pare::backends
