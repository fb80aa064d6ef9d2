#include "base/log.h"

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(Log, WarningsArePrefixedAndInformationIsNot) {
  ::testing::internal::CaptureStderr();
  log_info("reading");
  log_warning("slow");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "reading\nwarning: slow\n");
}

TEST(Log, OnceIsOncePerKey) {
  ::testing::internal::CaptureStderr();
  log_warning_once("a", "first");
  log_warning_once("a", "second");
  log_warning_once("b", "third");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning: first\nwarning: third\n");
}

TEST(Log, QuietKeepsWarnings) {
  set_quiet(true);
  ::testing::internal::CaptureStderr();
  log_info("reading");
  log_warning("slow");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning: slow\n");
  set_quiet(false);
}

}  // namespace
}  // namespace pare
