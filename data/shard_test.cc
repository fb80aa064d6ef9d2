#include "data/shard.h"

#include <limits>

#include "gtest/gtest.h"

namespace pare::data {
namespace {

TEST(Shard, PartsCoverABatchOnce) {
  for (const int count : {1, 2, 3, 7, 64}) {
    for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{6}, int64_t{7}, int64_t{100}, int64_t{1} << 60}) {
      int64_t next = 0;
      for (int index = 0; index < count; ++index) {
        const Part part = part_of({index, count}, n);
        EXPECT_EQ(part.begin, next);
        EXPECT_GE(part.size(), n / count);
        EXPECT_LE(part.size(), n / count + 1);
        next = part.end;
      }
      EXPECT_EQ(next, n);
    }
  }
}

TEST(Shard, IsCheckedForItsRange) {
  EXPECT_TRUE(check_shard({}).ok());
  EXPECT_TRUE(check_shard({3, 4}).ok());
  EXPECT_EQ(check_shard({4, 4}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(check_shard({-1, 4}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(check_shard({0, 0}).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::data
