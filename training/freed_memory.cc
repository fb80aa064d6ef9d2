#include "training/freed_memory.h"

#include <cstdlib>
#include <limits>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace pare::training {

bool keep_freed_memory() {
#ifdef __GLIBC__
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") != nullptr || std::getenv("MALLOC_MMAP_THRESHOLD_") != nullptr)
    return false;
  // The greatest that each takes.
  constexpr int kLargestBlock = 32 << 20, kKept = std::numeric_limits<int>::max();
  return mallopt(M_MMAP_THRESHOLD, kLargestBlock) == 1 && mallopt(M_TRIM_THRESHOLD, kKept) == 1;
#else
  return false;
#endif
}

}  // namespace pare::training
