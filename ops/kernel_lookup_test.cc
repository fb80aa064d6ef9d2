#include "ops/kernel_lookup.h"

#include <c10/util/Exception.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using backends::DeviceKind;
using backends::KernelTable;
using ::testing::AllOf;
using ::testing::HasSubstr;

const at::Device kGpu(at::kCUDA, 1);

std::string message_for_cuda() {
  try {
    kernel_for(backends::kAbsMax<float>, kGpu);
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}

absl::Status abs_max(const backends::Execution&, const backends::Layout&, const float*, float* result) {
  *result = 42;
  return absl::OkStatus();
}

TEST(KernelLookup, OnTheCpuItIsTheChosenBackends) {
  const float x[] = {1, -3, 2};
  float result = 0;
  const auto kernel = kernel_for(backends::kAbsMax<float>, at::kCPU);
  EXPECT_TRUE(kernel(backends::Execution(), backends::Layout::per_tensor(3), x, &result).ok());
  EXPECT_EQ(result, 3);
}

// What the registry has stays there: one test after the other.
TEST(KernelLookup, OnCudaItIsThatBackendsOrAnErrorThatSaysWhatToDo) {
  EXPECT_THAT(message_for_cuda(), AllOf(HasSubstr("cuda:1"), HasSubstr("--//backends:enabled=cpu,cuda"),
                                        HasSubstr("register_all_backends()")));

  static KernelTable<float> table;
  static bool has_device = false;
  ASSERT_TRUE(
      backends::register_backend(
          {.name = "cuda",
           .priority = 40,
           .float32 = [](DeviceKind kind) { return has_device && kind == DeviceKind::kCuda ? &table : nullptr; },
           .devices = []() -> absl::StatusOr<std::vector<backends::DeviceDescription>> {
             return absl::UnavailableError("there is no NVIDIA driver");
           }})
          .ok());
  EXPECT_THAT(message_for_cuda(), AllOf(HasSubstr("cuda:1"), HasSubstr("there is no NVIDIA driver")));

  has_device = true;
  EXPECT_THAT(message_for_cuda(), AllOf(HasSubstr("cuda:1"), HasSubstr("no kernel abs_max")));

  table.abs_max = abs_max;
  ASSERT_TRUE(set_kernel_backend("cpu").ok());
  EXPECT_EQ(kernel_for(backends::kAbsMax<float>, kGpu).function(), &abs_max);
  EXPECT_NE(kernel_for(backends::kAbsMax<float>, at::kCPU).function(), &abs_max);
}

}  // namespace
}  // namespace pare::ops
