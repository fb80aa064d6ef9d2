#include "training/freed_memory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace pare::training {
namespace {

TEST(FreedMemory, StaysInTheHeap) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer brings its own malloc()";
#elif defined(__GLIBC__)
  ASSERT_TRUE(keep_freed_memory());
  constexpr size_t kBytes = 16 << 20;
  void* block = std::malloc(kBytes);
  std::memset(block, 1, kBytes);
  const struct mallinfo2 in_use = mallinfo2();
  EXPECT_EQ(in_use.hblkhd, 0u) << "it was mapped, and would be unmapped when it is freed";
  std::free(block);
  EXPECT_GE(mallinfo2().fordblks, kBytes) << "free, and still the process's";
  setenv("MALLOC_TRIM_THRESHOLD_", "1000", 1);
  EXPECT_FALSE(keep_freed_memory()) << "the user's own choice holds";
  unsetenv("MALLOC_TRIM_THRESHOLD_");
#else
  EXPECT_FALSE(keep_freed_memory());
#endif
}

}  // namespace
}  // namespace pare::training
