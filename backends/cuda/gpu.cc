#include "backends/cuda/gpu.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/cache_file.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace pare::backends::cuda {
namespace {

// CUdevice_attribute.
constexpr int kMultiprocessorCount = 16, kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76;
// CUpointer_attribute, and a value of the first.
constexpr int kMemoryType = 2, kDeviceOrdinal = 9, kHostMemory = 1;
// CUmemPool_attribute.
constexpr int kReleaseThreshold = 4;

CudaApi::DevicePointer address(const void* pointer) { return reinterpret_cast<CudaApi::DevicePointer>(pointer); }

constexpr CudaApi::Stream kDefaultStream = nullptr;

// Selections of a device by the process, and the last one that this thread has passed on to its Streams.
std::atomic<uint64_t> selections = 0;
thread_local uint64_t followed_selections = 0;

}  // namespace

Gpu::Gpu(const CudaApi& api, const NvrtcFunctions& nvrtc, std::string cache, Streams* streams)
    : api_(api), binaries_(nvrtc, std::move(cache)), streams_(streams) {}

absl::StatusOr<DeviceProperties> Gpu::describe(int index) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = devices_.find(index);
  if (known != devices_.end()) return known->second.properties;
  char name[256] = {};
  size_t memory = 0;
  int multiprocessors = 0, major = 0, minor = 0;
  // A device's handle is its number.
  const char* const what = "asking for the device's properties";
  PARE_RETURN_IF_ERROR(api_.check(api_.device_name(name, sizeof(name) - 1, index), what));
  PARE_RETURN_IF_ERROR(api_.check(api_.device_memory(&memory, index), what));
  PARE_RETURN_IF_ERROR(api_.check(api_.device_attribute(&multiprocessors, kMultiprocessorCount, index), what));
  PARE_RETURN_IF_ERROR(api_.check(api_.device_attribute(&major, kComputeCapabilityMajor, index), what));
  PARE_RETURN_IF_ERROR(api_.check(api_.device_attribute(&minor, kComputeCapabilityMinor, index), what));
  devices_[index].properties = {.index = index,
                                .name = name,
                                .architecture = 10 * major + minor,
                                .multiprocessors = multiprocessors,
                                .memory_bytes = static_cast<int64_t>(memory)};
  return devices_[index].properties;
}

absl::StatusOr<CudaApi::Context> Gpu::context_of(int index) {
  PARE_RETURN_IF_ERROR(describe(index).status());
  const std::lock_guard<std::mutex> lock(mutex_);
  CudaApi::Context& context = devices_[index].context;
  if (context != nullptr) return context;
  CudaApi::Context opened = nullptr;
  PARE_RETURN_IF_ERROR(api_.check(api_.retain_primary_context(&opened, index), "opening the device"));
  // Freed memory is kept for the next allocation; without this, each wait for the device gives it back to the system.
  CudaApi::Pool pool = nullptr;
  uint64_t threshold = std::numeric_limits<uint64_t>::max();
  PARE_RETURN_IF_ERROR(api_.check(api_.default_pool(&pool, index), "finding the device's pool of memory"));
  PARE_RETURN_IF_ERROR(
      api_.check(api_.set_pool_attribute(pool, kReleaseThreshold, &threshold), "setting up the pool of memory"));
  context = opened;
  return context;
}

template <typename Body>
absl::Status Gpu::within(int device, const Body& body) {
  PARE_ASSIGN_OR_RETURN(const CudaApi::Context context, context_of(device));
  PARE_RETURN_IF_ERROR(api_.check(api_.push_context(context), "selecting the device"));
  const auto leave = absl::MakeCleanup([&] {
    CudaApi::Context popped = nullptr;
    api_.pop_context(&popped);
  });
  return body();
}

template <typename Body>
absl::Status Gpu::on_stream(int device, const Body& body) {
  PARE_ASSIGN_OR_RETURN(const CudaApi::Stream stream, stream_of(device));
  return within(device, [&] { return body(stream); });
}

absl::StatusOr<std::vector<DeviceProperties>> Gpu::devices() {
  int count = 0;
  PARE_RETURN_IF_ERROR(api_.check(api_.device_count(&count), "counting devices"));
  if (count == 0) return absl::UnavailableError("the NVIDIA driver has no device");
  std::vector<DeviceProperties> devices;
  for (int index = 0; index < count; ++index) {
    PARE_ASSIGN_OR_RETURN(DeviceProperties device, describe(index));
    devices.push_back(std::move(device));
  }
  return devices;
}

absl::StatusOr<int> Gpu::current_index() {
  if (streams_ == nullptr) return std::max(selected_.load(), 0);
  const uint64_t last = selections;
  if (followed_selections != last) {
    followed_selections = last;
    const int selected = selected_;
    if (selected != kDefaultDevice) PARE_RETURN_IF_ERROR(streams_->set_device(selected));
  }
  return streams_->current_device();
}

absl::StatusOr<CudaApi::Stream> Gpu::stream_of(int index) {
  if (streams_ == nullptr) return kDefaultStream;
  return streams_->current_stream(index);
}

absl::StatusOr<DeviceProperties> Gpu::current_device() {
  PARE_ASSIGN_OR_RETURN(const int index, current_index());
  return describe(index);
}

absl::Status Gpu::select_device(int index) {
  if (index != kDefaultDevice) {
    PARE_ASSIGN_OR_RETURN(const std::vector<DeviceProperties> all, devices());
    if (index < 0 || index >= static_cast<int>(all.size())) {
      return absl::NotFoundError(absl::StrCat("there is no CUDA device ", index, ": there are ", all.size()));
    }
  }
  if (index != kDefaultDevice || streams_ == nullptr) PARE_RETURN_IF_ERROR(context_of(std::max(index, 0)).status());
  selected_ = index;
  ++selections;
  return absl::OkStatus();
}

int Gpu::device_of(const void* pointer) {
  unsigned type = kHostMemory;
  int device = -1;
  // What the driver does not know is host memory, an error to it.
  if (api_.pointer_attribute(&type, kMemoryType, address(pointer)) != 0 || type == kHostMemory) return -1;
  return api_.pointer_attribute(&device, kDeviceOrdinal, address(pointer)) == 0 ? device : -1;
}

absl::StatusOr<void*> Gpu::allocate(int64_t bytes) {
  bytes = std::max<int64_t>(bytes, 1);
  PARE_ASSIGN_OR_RETURN(const int device, current_index());  // Before the streams are asked: it may change theirs.
  if (streams_ != nullptr) return streams_->allocate(bytes);
  CudaApi::DevicePointer pointer = 0;
  PARE_RETURN_IF_ERROR(within(
      device, [&] { return api_.check(api_.allocate_async(&pointer, bytes, kDefaultStream), "allocating memory"); }));
  return reinterpret_cast<void*>(pointer);
}

void Gpu::free(void* pointer) {
  if (pointer == nullptr) return;
  if (streams_ != nullptr) return streams_->free(pointer);
  const absl::Status status = within(device_of(pointer), [&] {
    return api_.check(api_.free_async(address(pointer), kDefaultStream), "giving memory back");
  });
  if (!status.ok()) log_warning(std::string(status.message()));
}

absl::Status Gpu::copy_from_host(void* to, const void* from, int64_t bytes) {
  if (bytes == 0) return absl::OkStatus();
  return on_stream(device_of(to), [&](CudaApi::Stream stream) {
    PARE_RETURN_IF_ERROR(api_.check(api_.copy_from_host(address(to), from, bytes, stream), "copying to the device"));
    return api_.check(api_.stream_synchronize(stream), "waiting for a copy");
  });
}

absl::Status Gpu::copy_to_host(void* to, const void* from, int64_t bytes) {
  if (bytes == 0) return absl::OkStatus();
  return on_stream(device_of(from), [&](CudaApi::Stream stream) {
    PARE_RETURN_IF_ERROR(api_.check(api_.copy_to_host(to, address(from), bytes, stream), "copying to the host"));
    return api_.check(api_.stream_synchronize(stream), "waiting for a copy and the kernels before it");
  });
}

absl::Status Gpu::copy(void* to, const void* from, int64_t bytes) {
  if (bytes == 0) return absl::OkStatus();
  return on_stream(device_of(to), [&](CudaApi::Stream stream) {
    return api_.check(api_.copy(address(to), address(from), bytes, stream), "copying on the device");
  });
}

absl::StatusOr<CudaApi::Function> Gpu::function(const KernelName& kernel, const DeviceProperties& device) {
  const auto key = std::make_tuple(device.index, kernel.source, kernel.element, std::string(kernel.name));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = functions_.find(key);
    if (known != functions_.end()) return known->second;
  }
  // Others may go on while it compiles.
  PARE_ASSIGN_OR_RETURN(const std::string* binary, binaries_.get(*kernel.source, kernel.element, device.architecture));
  const std::lock_guard<std::mutex> lock(mutex_);
  CudaApi::Module& module = modules_[{device.index, kernel.source, kernel.element}];
  if (module == nullptr) {
    PARE_RETURN_IF_ERROR(
        api_.check(api_.load_module(&module, binary->c_str()), absl::StrCat("loading ", kernel.source->name).c_str()));
  }
  CudaApi::Function function = nullptr;
  PARE_RETURN_IF_ERROR(api_.check(api_.module_function(&function, module, kernel.name),
                                  absl::StrCat("finding the kernel ", kernel.name).c_str()));
  functions_[key] = function;
  return function;
}

absl::Status Gpu::launch(const KernelName& kernel, LaunchShape shape, absl::Span<const Argument> arguments) {
  PARE_ASSIGN_OR_RETURN(const DeviceProperties device, current_device());
  std::vector<void*> values;
  values.reserve(arguments.size());
  for (const Argument& argument : arguments) values.push_back(argument.value);
  return on_stream(device.index, [&](CudaApi::Stream stream) -> absl::Status {
    PARE_ASSIGN_OR_RETURN(const CudaApi::Function function, this->function(kernel, device));
    return api_.check(api_.launch(function, shape.blocks, 1, 1, shape.threads, 1, 1, 0, stream, values.data(), nullptr),
                      absl::StrCat("starting the kernel ", kernel.name).c_str());
  });
}

absl::Status Gpu::synchronize() {
  PARE_ASSIGN_OR_RETURN(const int device, current_index());
  return on_stream(device, [&](CudaApi::Stream stream) {
    return api_.check(api_.stream_synchronize(stream), "waiting for kernels");
  });
}

absl::StatusOr<Driver*> open_gpu() {
  PARE_ASSIGN_OR_RETURN(const CudaApi api, load_cuda_api());
  int version = 0;
  PARE_RETURN_IF_ERROR(api.check(api.driver_version(&version), "asking for its version"));
  Streams* const streams = used_streams();
  const std::vector<std::string> brought = streams == nullptr ? std::vector<std::string>() : streams->nvrtc_libraries();
  PARE_ASSIGN_OR_RETURN(const NvrtcFunctions nvrtc, load_nvrtc(version / 1000, brought));
  auto gpu = std::make_unique<Gpu>(api, nvrtc, cache_folder(), streams);
  PARE_RETURN_IF_ERROR(gpu->devices().status());
  return gpu.release();
}

}  // namespace pare::backends::cuda
