#include "tools/common/cpu_memory.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/caching_cpu_allocator.h"

namespace pare::tools {

absl::Status set_up_cpu_memory(bool caching_allocator, int64_t limit_mb) {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max() >> 20;
  if (limit_mb < 0 || limit_mb > kLargest) {
    return absl::InvalidArgumentError(
        absl::StrCat("--cpu_memory_limit_mb is ", limit_mb, ", expected MiB from 0 (no limit) to ", kLargest));
  }
  if (caching_allocator) return install_caching_cpu_allocator({.limit_bytes = static_cast<size_t>(limit_mb) << 20});
  if (limit_mb == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "--cpu_memory_limit_mb is kept by the caching allocator: leave --caching_allocator on, or the limit away");
}

}  // namespace pare::tools
