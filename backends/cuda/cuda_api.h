// backends/cuda/cuda_api.h: the functions of NVIDIA's driver that we call, found when the program runs.
//
//   PARE_ASSIGN_OR_RETURN(const CudaApi api, load_cuda_api());
//   PARE_RETURN_IF_ERROR(api.check(api.stream_synchronize(stream), "waiting for kernels"));
//
// The functions' types are those of cuda.h of CUDA 11.2 and newer, written out, so that no CUDA is needed to build and
// none is linked.

#ifndef PARE_BACKENDS_CUDA_CUDA_API_H_
#define PARE_BACKENDS_CUDA_CUDA_API_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare::backends::cuda {

struct CudaApi {
  using Result = int;  // CUresult; 0: success
  using Device = int;
  using Context = void*;
  using Module = void*;
  using Function = void*;
  using Pool = void*;
  using Stream = void*;
  using DevicePointer = uint64_t;

  Result (*initialize)(unsigned flags) = nullptr;
  Result (*error_name)(Result error, const char** name) = nullptr;
  Result (*device_count)(int* count) = nullptr;
  Result (*device_name)(char* name, int bytes, Device device) = nullptr;
  Result (*device_memory)(size_t* bytes, Device device) = nullptr;
  Result (*device_attribute)(int* value, int attribute, Device device) = nullptr;
  Result (*driver_version)(int* version) = nullptr;  // 1000 times the major and 10 times the minor number of CUDA
  Result (*retain_primary_context)(Context* context, Device device) = nullptr;
  Result (*push_context)(Context context) = nullptr;
  Result (*pop_context)(Context* context) = nullptr;
  Result (*default_pool)(Pool* pool, Device device) = nullptr;
  Result (*set_pool_attribute)(Pool pool, int attribute, void* value) = nullptr;
  Result (*pointer_attribute)(void* value, int attribute, DevicePointer pointer) = nullptr;
  Result (*allocate_async)(DevicePointer* pointer, size_t bytes, Stream stream) = nullptr;
  Result (*free_async)(DevicePointer pointer, Stream stream) = nullptr;
  Result (*copy_from_host)(DevicePointer to, const void* from, size_t bytes, Stream stream) = nullptr;
  Result (*copy_to_host)(void* to, DevicePointer from, size_t bytes, Stream stream) = nullptr;
  Result (*copy)(DevicePointer to, DevicePointer from, size_t bytes, Stream stream) = nullptr;
  Result (*stream_synchronize)(Stream stream) = nullptr;
  Result (*load_module)(Module* module, const void* binary) = nullptr;
  Result (*module_function)(Function* function, Module module, const char* name) = nullptr;
  Result (*launch)(Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, Stream stream, void** arguments,
                   void** extra) = nullptr;

  // OK, ResourceExhausted for lack of memory, or Internal with the error's name and `what` was being done.
  absl::Status check(Result result, const char* what) const;
};

// From libcuda.so.1, which comes with the driver; initialized. Error: Unavailable, with what is missing.
absl::StatusOr<CudaApi> load_cuda_api();

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_CUDA_API_H_
