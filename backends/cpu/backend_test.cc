#include "backends/cpu/backend.h"

#include "backends/registry.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuBackend, IsFoundByNameOnTheCpuOnly) {
  ASSERT_TRUE(register_cpu_backend().ok());
  ASSERT_TRUE(register_cpu_backend().ok());
  EXPECT_EQ((*find_backend("cpu"))->float32(DeviceKind::kCpu), &cpu_kernels<float>());
  EXPECT_EQ((*find_backend("cpu"))->float32(DeviceKind::kCuda), nullptr);
}

}  // namespace
}  // namespace pare::backends
