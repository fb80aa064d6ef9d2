#include "backends/reference/backend.h"

#include "backends/registry.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(ReferenceBackend, IsFoundByNameOnTheCpuOnly) {
  ASSERT_TRUE(register_reference_backend().ok());
  ASSERT_TRUE(register_reference_backend().ok());
  EXPECT_EQ((*find_backend("reference"))->float32(DeviceKind::kCpu), &reference_kernels<float>());
  EXPECT_EQ((*find_backend("reference"))->float32(DeviceKind::kCuda), nullptr);
}

}  // namespace
}  // namespace pare::backends
