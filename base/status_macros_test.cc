#include "base/status_macros.h"

#include <memory>

#include "gtest/gtest.h"

namespace {

absl::StatusOr<std::unique_ptr<int>> box(int value) {
  if (value < 0) return absl::InvalidArgumentError("negative");
  return std::make_unique<int>(value);
}

absl::Status sum(int a, int b, int* result) {
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<int> boxed_a, box(a));
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<int> boxed_b, box(b));
  *result = *boxed_a + *boxed_b;
  return absl::OkStatus();
}

absl::Status check(const absl::Status& status, bool* reached) {
  PARE_RETURN_IF_ERROR(status);
  *reached = true;
  return absl::OkStatus();
}

TEST(StatusMacros, AssignMovesTheValueOut) {
  int result = 0;
  EXPECT_TRUE(sum(2, 3, &result).ok());
  EXPECT_EQ(result, 5);
}

TEST(StatusMacros, AssignReturnsTheFirstError) {
  int result = 0;
  EXPECT_EQ(sum(2, -3, &result), absl::InvalidArgumentError("negative"));
  EXPECT_EQ(result, 0);
}

TEST(StatusMacros, ReturnIfErrorStopsOnlyOnErrors) {
  bool reached = false;
  EXPECT_EQ(check(absl::NotFoundError("x"), &reached), absl::NotFoundError("x"));
  EXPECT_FALSE(reached);
  EXPECT_TRUE(check(absl::OkStatus(), &reached).ok());
  EXPECT_TRUE(reached);
}

}  // namespace
