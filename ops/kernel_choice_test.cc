#include "ops/kernel_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::ops {
namespace {

TEST(KernelChoice, StartsAsAutoAndTakesKnownNames) {
  EXPECT_EQ(kernel_backend(), "auto");
  EXPECT_TRUE(set_kernel_backend("cpu").ok());
  EXPECT_EQ(kernel_backend(), "cpu");
  EXPECT_EQ(set_kernel_backend("auto")->name, "cpu");
}

TEST(KernelChoice, RefusesUnknownNames) {
  const absl::Status status = set_kernel_backend("gpu").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("cpu and auto"));
  EXPECT_EQ(kernel_backend(), "cpu") << "the choice is as it was";
}

}  // namespace
}  // namespace pare::ops
