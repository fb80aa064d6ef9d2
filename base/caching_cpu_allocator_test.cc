#include "base/caching_cpu_allocator.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/torch_guard.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr size_t kMebibyte = size_t{1} << 20;

at::Tensor& in_a_static_variable() {
  static at::Tensor tensor;
  return tensor;
}

// Each test finds LibTorch's own allocator in place.
class CachingCpuAllocator : public ::testing::Test {
 protected:
  void SetUp() override { c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), 255); }
  // Above what SetUp() leaves.
  static CachingCpuAllocatorOptions options(size_t limit_bytes = 0) {
    return {.limit_bytes = limit_bytes, .priority = 255};
  }
};

TEST_F(CachingCpuAllocator, ServesTensorsFromTheCallOn) {
  at::Tensor older = at::ones({1 << 20});
  const c10::DeleterFnPtr older_deleter = older.storage().data_ptr().get_deleter();
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
  EXPECT_TRUE(caching_cpu_allocator_is_installed());
  const MemoryPoolStatistics before = caching_cpu_allocator_statistics();
  {
    const at::Tensor tensor = at::ones({3 << 20});
    EXPECT_NE(tensor.storage().data_ptr().get_deleter(), older_deleter);
    EXPECT_EQ(caching_cpu_allocator_statistics().bytes_in_use, before.bytes_in_use + 12 * kMebibyte);
    EXPECT_EQ(at::empty({0}).data_ptr(), nullptr);
    older = at::Tensor();  // By its own deleter: the pool would end the program over it.
  }
  EXPECT_EQ(caching_cpu_allocator_statistics().bytes_in_use, before.bytes_in_use);
  EXPECT_GE(trim_caching_cpu_allocator(), 12 * kMebibyte);
  reset_caching_cpu_allocator_peaks();
  EXPECT_EQ(caching_cpu_allocator_statistics().peak_bytes_in_use, before.bytes_in_use);

  at::Tensor outlives = at::ones({100000});
  c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), 255);
  EXPECT_FALSE(caching_cpu_allocator_is_installed());
  std::thread([moved = std::move(outlives)]() mutable { moved = at::Tensor(); }).join();
  EXPECT_EQ(caching_cpu_allocator_statistics().bytes_in_use, before.bytes_in_use);
}

TEST_F(CachingCpuAllocator, AHigherPriorityStays) {
  const absl::Status status = install_caching_cpu_allocator({.priority = 3});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << "SetUp() took 255";
  EXPECT_THAT(std::string(status.message()), HasSubstr("higher priority"));
  EXPECT_EQ(c10::GetCPUAllocator(), c10::GetDefaultCPUAllocator());
}

TEST_F(CachingCpuAllocator, AnInstallationThatFailsLeavesTheLimit) {
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
  c10::Allocator* const ours = c10::GetCPUAllocator();
  const size_t in_use = caching_cpu_allocator_statistics().bytes_in_use;
  c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), 255);
  EXPECT_FALSE(install_caching_cpu_allocator({.limit_bytes = in_use + kMebibyte, .priority = 3}).ok());
  EXPECT_NO_THROW(ours->allocate(8 * kMebibyte));

  ASSERT_TRUE(install_caching_cpu_allocator(options(in_use + 4 * kMebibyte)).ok());
  c10::SetCPUAllocator(c10::GetDefaultCPUAllocator(), 255);
  EXPECT_FALSE(install_caching_cpu_allocator({.limit_bytes = 0, .priority = 3}).ok());
  EXPECT_THROW(ours->allocate(8 * kMebibyte), c10::OutOfMemoryError);
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
}

TEST_F(CachingCpuAllocator, RawMemoryIsItsOwnContext) {
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
  c10::Allocator* const allocator = c10::GetCPUAllocator();
  const size_t before = caching_cpu_allocator_statistics().bytes_in_use;
  void* const raw = allocator->raw_allocate(5 * kMebibyte);
  static_cast<char*>(raw)[5 * kMebibyte - 1] = 1;
  EXPECT_EQ(allocator->allocate(10).get_deleter(), allocator->raw_deleter());
  EXPECT_EQ(caching_cpu_allocator_statistics().bytes_in_use, before + 5 * kMebibyte);
  allocator->raw_deallocate(raw);
  EXPECT_EQ(caching_cpu_allocator_statistics().bytes_in_use, before);
}

TEST_F(CachingCpuAllocator, TheLimitBecomesAStatusThatSaysWhatToDo) {
  ASSERT_TRUE(install_caching_cpu_allocator(options(64 * kMebibyte)).ok());
  const at::Tensor kept = at::ones({10 << 20});
  const absl::StatusOr<at::Tensor> sum = guard_torch("conv1", [&] { return at::add(kept, kept); });
  EXPECT_EQ(sum.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(sum.status().message()),
              AllOf(HasSubstr("conv1: "), HasSubstr("40.0 MiB (41943040 bytes) were asked for"),
                    HasSubstr("the limit is 64.0 MiB"), HasSubstr("smaller batch")));
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
  EXPECT_EQ(at::add(kept, kept)[5].item<float>(), 2);
}

class Profiler : public c10::MemoryReportingInfoBase {
 public:
  // LibTorch 1.13 and 2.x differ in the type of the totals: each has one of these two as its virtual function.
  void reportMemoryUsage(void*, int64_t size, int64_t, int64_t, c10::Device) { add(size); }
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) { add(size); }
  bool memoryProfilingEnabled() const override { return true; }

  int64_t live = 0, most = 0;

 private:
  void add(int64_t size) { most = std::max(most, live += size); }
};

TEST_F(CachingCpuAllocator, TheMemoryProfilerHears) {
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
  const auto profiler = std::make_shared<Profiler>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, profiler);
  at::Tensor large = at::ones({1 << 20}), small = at::ones({16});
  EXPECT_GE(profiler->live, 4 * kMebibyte + 64);
  large = small = at::Tensor();
  EXPECT_GE(profiler->most, 4 * kMebibyte + 64);
  EXPECT_EQ(profiler->live, 0);
}

TEST_F(CachingCpuAllocator, ATensorMayOutliveMain) {
  ASSERT_TRUE(install_caching_cpu_allocator(options()).ok());
  // Destroyed after main(): a pool that was gone by then would end this program badly.
  in_a_static_variable() = at::ones({1 << 20});
  EXPECT_EQ(in_a_static_variable()[0].item<float>(), 1);
}

}  // namespace
}  // namespace pare
