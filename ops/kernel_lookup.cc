#include "ops/kernel_lookup.h"

#include <c10/util/Exception.h>

#include <string>

namespace pare::ops {

void throw_unless_ok(const absl::Status& status) { TORCH_CHECK(status.ok(), std::string(status.message())); }

namespace internal {

const backends::KernelBackend& cuda_backend(at::Device device) {
  const absl::StatusOr<const backends::KernelBackend*> found = backends::find_backend("cuda");
  TORCH_CHECK(found.ok(), "tensors on ", device,
              " need the kernel backend 'cuda', which this program lacks: build it with --//backends:enabled=cpu,cuda "
              "and call register_all_backends(), or move the tensors to the CPU");
  return **found;
}

void throw_no_cuda_device(const backends::KernelBackend& backend, at::Device device) {
  std::string reason = "it has no kernels for numbers of this type";
  if (backend.devices != nullptr) {
    const absl::Status status = backend.devices().status();
    if (!status.ok()) reason = std::string(status.message());
  }
  C10_THROW_ERROR(Error, c10::str("tensors on ", device, " need the kernel backend 'cuda', which cannot run here: ",
                                  reason, ": mend that, or move the tensors to the CPU"));
}

void throw_no_cuda_kernel(const char* kernel, at::Device device) {
  C10_THROW_ERROR(Error, c10::str("the kernel backend 'cuda' has no kernel ", kernel, " for tensors on ", device,
                                  ": move the tensors to the CPU"));
}

}  // namespace internal
}  // namespace pare::ops
