// backends/cuda/nvrtc.h: NVIDIA's compiler of CUDA C++ at run time.
//
//   PARE_ASSIGN_OR_RETURN(const NvrtcFunctions nvrtc, load_nvrtc(/*greatest_version=*/12));
//   PARE_ASSIGN_OR_RETURN(std::string binary, compile(nvrtc, sources::masks, ElementType::kFloat,
//   /*architecture=*/90));
//
// The functions' types are those of nvrtc.h of CUDA 12.0 and newer, written out, so that no CUDA is needed to build.

#ifndef PARE_BACKENDS_CUDA_NVRTC_H_
#define PARE_BACKENDS_CUDA_NVRTC_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/source.h"

namespace pare::backends::cuda {

struct NvrtcFunctions {
  using Program = void*;
  using Result = int;  // 0: success

  const char* (*error_string)(Result) = nullptr;
  Result (*version)(int* major, int* minor) = nullptr;
  Result (*create_program)(Program* program, const char* source, const char* name, int header_count,
                           const char* const* headers, const char* const* include_names) = nullptr;
  Result (*destroy_program)(Program* program) = nullptr;
  Result (*compile_program)(Program program, int option_count, const char* const* options) = nullptr;
  Result (*program_log_size)(Program program, size_t* bytes) = nullptr;
  Result (*program_log)(Program program, char* log) = nullptr;
  Result (*cubin_size)(Program program, size_t* bytes) = nullptr;
  Result (*cubin)(Program program, char* cubin) = nullptr;
  Result (*ptx_size)(Program program, size_t* bytes) = nullptr;
  Result (*ptx)(Program program, char* ptx) = nullptr;
  Result (*architecture_count)(int* count) = nullptr;
  Result (*architectures)(int* architectures) = nullptr;  // ascending
};

// From the first of the libraries in `brought` (paths, which need not exist), and of libnvrtc.so, libnvrtc.so.13 and
// .12 where the system finds them, in CUDA_HOME/lib64 and in /usr/local/cuda/lib64, that is of a version from 12 to the
// greatest that the machine's driver runs code of. Error: Unavailable, with what was found.
absl::StatusOr<NvrtcFunctions> load_nvrtc(int greatest_version, const std::vector<std::string>& brought = {});

// Machine code for GPUs of that architecture (90: 9.0); for one that is newer than this NVRTC, PTX of the greatest that
// it knows, which the driver compiles. Floating point is as written: nothing is contracted, denormal numbers are kept,
// divisions and square roots are rounded rightly. Errors: Internal, with the compiler's words; Unavailable for a GPU
// that is too old for this NVRTC.
absl::StatusOr<std::string> compile(const NvrtcFunctions& nvrtc, const Source& source, ElementType element,
                                    int architecture);

// All that a result of compile() depends on: the key of a cache.
absl::StatusOr<std::string> compilation_identity(const NvrtcFunctions& nvrtc, const Source& source, ElementType element,
                                                 int architecture);

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_NVRTC_H_
