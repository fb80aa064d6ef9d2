// The backend as others see it, on the emulator: its devices, its memory, and what a call refuses.

#include "backends/cuda/backend.h"

#include <string>
#include <vector>

#include "backends/cuda/call.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/emulator/emulator.h"
#include "backends/cuda/sources.h"
#include "backends/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::cuda {
namespace {

using ::testing::HasSubstr;

const KernelBackend& backend() { return **find_backend("cuda"); }

TEST(CudaRegistration, LinkingIsEnough) {
  ASSERT_TRUE(find_backend("cuda").ok()) << find_backend("cuda").status();
  EXPECT_EQ(backend().float32(DeviceKind::kVulkan), nullptr);
}

class CudaBackendTest : public ::testing::Test {
 protected:
  CudaBackendTest() { set_driver(emulator()); }
};

TEST_F(CudaBackendTest, HasKernelsForTheHostsMemoryAndItsOwn) {
  EXPECT_EQ(backend().float32(DeviceKind::kCpu), &cuda_kernels<float>());
  EXPECT_EQ(backend().float16(DeviceKind::kCuda), &cuda_kernels<Half>());
}

TEST_F(CudaBackendTest, DevicesAreChosenByNumberOrName) {
  const auto devices = backend().devices();
  ASSERT_TRUE(devices.ok()) << devices.status();
  ASSERT_EQ(devices->size(), 1);
  EXPECT_EQ((*devices)[0].name, "emulator");
  EXPECT_TRUE((*devices)[0].is_selected);
  for (const char* name : {"", "0", "EMUL"}) EXPECT_TRUE(backend().select_device(name).ok()) << name;
  for (const char* name : {"1", "-1", "card"}) {
    const absl::Status status = backend().select_device(name);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("0 (emulator)"));
  }
}

TEST_F(CudaBackendTest, MemoryIsTheDevices) {
  DeviceMemory& memory = **backend().memory();
  const std::vector<float> numbers = {1, 2, 3};
  std::vector<float> back(3);
  void *const x = *memory.allocate(12), *const y = *memory.allocate(12);
  EXPECT_EQ(emulator()->device_of(x), 0);
  EXPECT_TRUE(memory.copy_from_host(x, numbers.data(), 12).ok());
  EXPECT_TRUE(memory.copy(y, x, 12).ok());
  EXPECT_TRUE(memory.copy_to_host(back.data(), y, 12).ok());
  EXPECT_TRUE(memory.synchronize().ok());
  EXPECT_EQ(back, numbers);
  memory.free(x);
  memory.free(y);
  memory.free(nullptr);
  EXPECT_EQ(emulated_bytes_in_use(), 0);
}

TEST_F(CudaBackendTest, ACallGivesTheFirstErrorAndItsMemoryBack) {
  const std::vector<float> x = {1, 2, 3};
  {
    Call call;
    const float* const on_device = call.input(x.data(), 3);
    call.launch<float>(sources::masks, "no_such_kernel", 1, 32, on_device);
    call.launch<float>(sources::masks, "apply_mask", 1, 32, on_device);
    EXPECT_THAT(std::string(call.finish().message()), HasSubstr("no_such_kernel"));
  }
  {
    Call call;
    call.launch<float>(sources::masks, "apply_mask", 1, 32, call.input(x.data(), 3));
    EXPECT_THAT(std::string(call.finish().message()), HasSubstr("apply_mask is called with 1 arguments"));
  }
  {
    Call call;
    call.launch<float>(sources::masks, "apply_mask", uint64_t{1} << 31, 32, /*arguments=*/0);
    EXPECT_EQ(call.finish().code(), absl::StatusCode::kResourceExhausted);
  }
  {
    Call call;
    call.check_channels({1, int64_t{1} << 31, 0});
    EXPECT_EQ(call.finish().code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(emulated_bytes_in_use(), 0);
}

}  // namespace
}  // namespace pare::backends::cuda
