#include "base/torch_guard.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(TorchGuard, ReturnsTheResult) {
  const absl::StatusOr<int> result = guard_torch("here", [] { return 7; });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 7);
  EXPECT_TRUE(guard_torch("here", [] {}).ok());
}

TEST(TorchGuard, LibTorchErrorsKeepTheirTextAndLoseTheBacktrace) {
  const absl::Status status = guard_torch("conv1", [] { TORCH_CHECK(false, "sizes do not match"); });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("conv1: sizes do not match"));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("frame #")));
}

TEST(TorchGuard, StandardExceptionsAreCaught) {
  EXPECT_EQ(guard_torch("x", [] { throw std::runtime_error("no"); }), absl::InvalidArgumentError("x: no"));
  EXPECT_EQ(guard_torch("x", []() -> int { throw std::bad_alloc(); }).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(TorchGuard, RunningOutOfMemoryIsToldFromAWrongInput) {
  // What LibTorch's allocators say: on Linux, on Windows, on a GPU.
  for (const char* text :
       {"[enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you "
        "tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes.",
        "CUDA out of memory. Tried to allocate 2.00 GiB"}) {
    EXPECT_EQ(guard_torch("x", [&] { TORCH_CHECK(false, text); }).code(), absl::StatusCode::kResourceExhausted) << text;
  }
}

TEST(TorchGuard, SomethingThatIsNoExceptionIsCaughtToo) {
  EXPECT_EQ(guard_torch("x", [] { throw 1; }).code(), absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace pare
