// backends/cuda/binaries.h: machine code of kernels' sources, made once: kept in memory and on disk.
//
//   Binaries binaries(nvrtc, cache_folder());
//   PARE_ASSIGN_OR_RETURN(const std::string* binary, binaries.get(sources::masks, ElementType::kHalf, 90));
//
// Safe from any thread: who asks while another compiles waits. What failed once fails again without another try. On
// disk a binary is kept by its source with all that it includes, the element type, the architecture and the compiler's
// version; a damaged or foreign file is a miss.

#ifndef PARE_BACKENDS_CUDA_BINARIES_H_
#define PARE_BACKENDS_CUDA_BINARIES_H_

#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "backends/cuda/nvrtc.h"

namespace pare::backends::cuda {

class Binaries {
 public:
  // folder: for the files; empty for none.
  Binaries(NvrtcFunctions nvrtc, std::string folder) : nvrtc_(nvrtc), folder_(std::move(folder)) {}

  // The same pointer as long as this lives. Errors: compile()'s.
  absl::StatusOr<const std::string*> get(const Source& source, ElementType element, int architecture);

 private:
  absl::StatusOr<std::string> make(const Source& source, ElementType element, int architecture);

  const NvrtcFunctions nvrtc_;
  const std::string folder_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::tuple<const Source*, ElementType, int>, absl::StatusOr<std::string>> binaries_;
};

}  // namespace pare::backends::cuda

#endif  // PARE_BACKENDS_CUDA_BINARIES_H_
