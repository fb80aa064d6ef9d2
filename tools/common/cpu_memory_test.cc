#include "tools/common/cpu_memory.h"

#include <limits>
#include <string>

#include "base/caching_cpu_allocator.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools {
namespace {

using ::testing::HasSubstr;

TEST(CpuMemory, FlagsSayWhereTensorsLie) {
  for (const int64_t limit_mb : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    const absl::Status status = set_up_cpu_memory(true, limit_mb);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("--cpu_memory_limit_mb is "));
  }
  EXPECT_EQ(set_up_cpu_memory(false, 100).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(set_up_cpu_memory(false, 0).ok());
  EXPECT_FALSE(caching_cpu_allocator_is_installed());
  EXPECT_TRUE(set_up_cpu_memory(true, 100).ok());
  EXPECT_TRUE(caching_cpu_allocator_is_installed());
}

}  // namespace
}  // namespace pare::tools
