#include "distributed/agree.h"

#include "distributed/testing.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(Agree, AllGoOnOrNone) {
  run_in_threads(3, [](ProcessGroup& group) {
    EXPECT_TRUE(agree(&group, absl::OkStatus()).ok());
    const absl::Status mine = group.rank() == 1 ? absl::NotFoundError("no file") : absl::OkStatus();
    const absl::Status agreed = agree(&group, mine);
    EXPECT_EQ(agreed.code(), group.rank() == 1 ? absl::StatusCode::kNotFound : absl::StatusCode::kAborted);
    EXPECT_TRUE(agree(&group, absl::OkStatus()).ok()) << "they are still in step";
  });
  EXPECT_TRUE(agree(nullptr, absl::OkStatus()).ok());
  EXPECT_EQ(agree(nullptr, absl::NotFoundError("no file")).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pare
