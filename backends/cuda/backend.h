// backends/cuda/backend.h: the kernels for NVIDIA GPUs, compiled for the device at hand when they are first used.
//
//   register_cuda_backend();  // or link //backends/cuda:registration
//
// Its name is "cuda". Built everywhere: NVIDIA's driver and its compiler NVRTC are looked for when a device is first
// asked for; where they are missing the backend has no kernels, and says what is missing. One table serves tensors of
// CUDA devices and of the host: those are brought to the current device and back in every call.

#ifndef PARE_BACKENDS_CUDA_BACKEND_H_
#define PARE_BACKENDS_CUDA_BACKEND_H_

#include "absl/status/status.h"
#include "backends/kernel_backend.h"

namespace pare::backends {

// For device memory and for host memory, which goes through copies.
template <typename T>
const KernelTable<T>& cuda_kernels();

// OK as well if it is registered already, or another one under its name: that one then stays, which is how a test puts
// a made-up device in its place.
absl::Status register_cuda_backend();

}  // namespace pare::backends

#endif  // PARE_BACKENDS_CUDA_BACKEND_H_
