// backends/cuda/libtorch_streams.h: LibTorch's current device and stream, and its caching allocator, for the kernels.
//
//   use_streams(libtorch_streams());
//
// Linking `:libtorch` does that before main(). Only in a build whose LibTorch has CUDA. NVRTC is the one that comes
// with LibTorch, or else the system's.
//
// A device that is chosen by name (`--backend=cuda:1`) becomes LibTorch's current one in each thread at its first call
// from there. Kernels may be recorded in a CUDA graph: then all tensors have to be on the device, and the kernels to
// have run once before, so that they are loaded.

#ifndef PARE_BACKENDS_CUDA_LIBTORCH_STREAMS_H_
#define PARE_BACKENDS_CUDA_LIBTORCH_STREAMS_H_

#include "backends/cuda/streams.h"

namespace pare::backends::cuda {

Streams* libtorch_streams();

// Whether LibTorch's CUDA part was linked and has registered itself: not so if the linker dropped it.
bool libtorch_has_cuda();

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_LIBTORCH_STREAMS_H_
