// backends/cuda/streams.h: whose current device, stream and memory the kernels on GPUs use.
//
//   use_streams(&libtorch_streams());  // Kernels then go where LibTorch's own go.
//
// Without one the driver has its own: each device's default stream, memory of the device's pool, and one device for the
// whole process. With LibTorch's, tensors of LibTorch need no waiting between its kernels and these.

#ifndef PARE_BACKENDS_CUDA_STREAMS_H_
#define PARE_BACKENDS_CUDA_STREAMS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "backends/cuda/cuda_api.h"

namespace pare::backends::cuda {

class Streams {
 public:
  virtual ~Streams() = default;

  // Of the calling thread.
  virtual absl::StatusOr<int> current_device() = 0;
  virtual absl::Status set_device(int device) = 0;
  virtual absl::StatusOr<CudaApi::Stream> current_stream(int device) = 0;

  // Memory of the current device, at a multiple of 256 bytes, to be used on its current stream: what is given back may
  // still be used by kernels that this stream was given before. bytes > 0.
  virtual absl::StatusOr<void*> allocate(int64_t bytes) = 0;
  virtual void free(void* pointer) = 0;

  // Paths of an NVRTC that comes with the library, which need not exist.
  virtual std::vector<std::string> nvrtc_libraries() = 0;
};

// Kept for good. Before the first kernel.
void use_streams(Streams* streams);

// Null: the driver's own.
Streams* used_streams();

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_STREAMS_H_
