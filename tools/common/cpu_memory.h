// tools/common/cpu_memory.h: where Pare's programs take the memory of tensors from: the flags --caching_allocator and
// --cpu_memory_limit_mb.
//
//   PARE_RETURN_IF_ERROR(set_up_cpu_memory(absl::GetFlag(FLAGS_caching_allocator),
//                                          absl::GetFlag(FLAGS_cpu_memory_limit_mb)));

#ifndef PARE_TOOLS_COMMON_CPU_MEMORY_H_
#define PARE_TOOLS_COMMON_CPU_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"

namespace pare::tools {

// Installs the caching allocator (base/caching_cpu_allocator.h), or leaves LibTorch's own in place. `limit_mb` is in
// MiB, 0 for none. InvalidArgument for a limit below 0, or one without the caching allocator, which keeps it.
absl::Status set_up_cpu_memory(bool caching_allocator, int64_t limit_mb);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_CPU_MEMORY_H_
