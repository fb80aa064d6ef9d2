// backends/cuda/gpu.h: the driver for real GPUs: kernels compiled by NVRTC for the device at hand.
//
//   set_driver_opener(open_gpu);
//
// A kernel's source is compiled at its first use on an architecture, and its machine code is loaded at its first use on
// a device. All runs in each device's primary context, which is current in the calling thread only for as long as a
// call takes, on the stream that Streams names (streams.h), or else on the device's default stream: then whoever uses
// other streams orders them with that one. Safe from any thread.

#ifndef PARE_BACKENDS_CUDA_GPU_H_
#define PARE_BACKENDS_CUDA_GPU_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "backends/cuda/binaries.h"
#include "backends/cuda/cuda_api.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/nvrtc.h"
#include "backends/cuda/streams.h"

namespace pare::backends::cuda {

class Gpu : public Driver {
 public:
  // cache: the folder for machine code; empty for none. streams: null for its own.
  Gpu(const CudaApi& api, const NvrtcFunctions& nvrtc, std::string cache, Streams* streams = nullptr);

  absl::StatusOr<std::vector<DeviceProperties>> devices() override;
  absl::StatusOr<DeviceProperties> current_device() override;
  absl::Status select_device(int index) override;
  int device_of(const void* pointer) override;
  absl::StatusOr<void*> allocate(int64_t bytes) override;
  void free(void* pointer) override;
  absl::Status copy_from_host(void* to, const void* from, int64_t bytes) override;
  absl::Status copy_to_host(void* to, const void* from, int64_t bytes) override;
  absl::Status copy(void* to, const void* from, int64_t bytes) override;
  absl::Status launch(const KernelName& kernel, LaunchShape shape, absl::Span<const Argument> arguments) override;
  absl::Status synchronize() override;

 private:
  struct Device {
    DeviceProperties properties;
    CudaApi::Context context = nullptr;  // null until it is opened
  };
  // Calls body() with the device's context current.
  template <typename Body>
  absl::Status within(int device, const Body& body);
  // Calls body(stream) with that and the device's current stream.
  template <typename Body>
  absl::Status on_stream(int device, const Body& body);

  absl::StatusOr<DeviceProperties> describe(int index);
  absl::StatusOr<CudaApi::Context> context_of(int index);
  absl::StatusOr<int> current_index();
  absl::StatusOr<CudaApi::Stream> stream_of(int index);
  absl::StatusOr<CudaApi::Function> function(const KernelName& kernel, const DeviceProperties& device);

  const CudaApi api_;
  Binaries binaries_;
  Streams* const streams_;
  std::atomic<int> selected_ = kDefaultDevice;
  std::mutex mutex_;  // guards those below
  std::map<int, Device> devices_;
  // Of a device; modules stay loaded.
  std::map<std::tuple<int, const Source*, ElementType>, CudaApi::Module> modules_;
  std::map<std::tuple<int, const Source*, ElementType, std::string>, CudaApi::Function> functions_;
};

// With the user's cache folder. Error: Unavailable where there is no NVIDIA driver, no device, or no NVRTC that the
// driver can run code of.
absl::StatusOr<Driver*> open_gpu();

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_GPU_H_
