// tools/common/kernels.h: which kernels a program of Pare's computes with.
//
//   PARE_RETURN_IF_ERROR(choose_kernels("auto"));   // info: kernels: cpu (the only one for this machine)

#ifndef PARE_TOOLS_COMMON_KERNELS_H_
#define PARE_TOOLS_COMMON_KERNELS_H_

#include <string>

#include "absl/status/status.h"

namespace pare::tools {

// Registers every backend of the build, takes the one that is asked for (backends/choice.h says how), for the whole
// process, and says which it is and why. Errors: those of backends::choose_backend.
absl::Status choose_kernels(const std::string& specification);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_KERNELS_H_
