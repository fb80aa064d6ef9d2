#include "backends/registry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::Status fast_abs_max(const Execution&, const Layout&, const float*, float*) { return absl::OkStatus(); }
absl::Status slow_abs_max(const Execution&, const Layout&, const float*, float*) { return absl::OkStatus(); }
absl::Status slow_min_max(const Execution&, const Layout&, const float*, float*, float*) { return absl::OkStatus(); }

KernelBackend on_cpu(std::string name, int priority, const KernelTable<float>* table) {
  return {std::move(name), priority,
          [table](DeviceKind device) { return device == DeviceKind::kCpu ? table : nullptr; }};
}

// `slow` has two kernels and `fast` one of them.
class RegistryTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    static KernelTable<float> fast, slow;
    fast.abs_max = fast_abs_max;
    slow.abs_max = slow_abs_max;
    slow.min_max = slow_min_max;
    ASSERT_TRUE(register_backend(on_cpu("slow", 10, &slow)).ok());
    ASSERT_TRUE(register_backend(on_cpu("fast", 20, &fast)).ok());
  }
};

TEST_F(RegistryTest, NamesComeByFallingPriority) { EXPECT_THAT(backend_names(), ElementsAre("fast", "slow")); }

TEST_F(RegistryTest, FindsByName) {
  EXPECT_EQ((*find_backend("slow"))->priority, 10);
  const absl::Status status = find_backend("quick").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fast, slow and auto"));
}

TEST_F(RegistryTest, RefusesBadRegistrations) {
  static const KernelTable<float> table;
  EXPECT_EQ(register_backend(on_cpu("slow", 1, &table)).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(register_backend(on_cpu("auto", 1, &table)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(register_backend(on_cpu("", 1, &table)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(register_backend({"empty", 1, nullptr}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RegistryTest, AutoTakesTheHighestThatHasTheKernel) {
  EXPECT_EQ(*find_kernel("auto", DeviceKind::kCpu, kAbsMax<float>), fast_abs_max);
  EXPECT_EQ(*find_kernel("slow", DeviceKind::kCpu, kAbsMax<float>), slow_abs_max);
}

TEST_F(RegistryTest, WhatIsMissingFallsToTheNextWithOneLine) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(*find_kernel("fast", DeviceKind::kCpu, kMinMax<float>), slow_min_max);
  EXPECT_EQ(*find_kernel("fast", DeviceKind::kCpu, kMinMax<float>), slow_min_max);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "warning: backend fast has no kernel min_max on cpu: that of slow is used\n");
}

TEST_F(RegistryTest, ATypeThatNoBackendHas) {
  EXPECT_EQ(find_kernel("fast", DeviceKind::kCpu, kAbsMax<Half>).status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(RegistryTest, SaysWhenNoBackendHasIt) {
  const auto kernel = find_kernel("auto", DeviceKind::kCpu, kHistogram<float>);
  EXPECT_EQ(kernel.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(kernel.status().message()), HasSubstr("no kernel histogram for device cpu"));
  EXPECT_EQ(find_kernel("auto", DeviceKind::kCuda, kAbsMax<float>).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(find_kernel("quick", DeviceKind::kCpu, kAbsMax<float>).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pare::backends
