#include "backends/vulkan/backend.h"

#include <vector>

#include "backends/conformance/checks.h"
#include "backends/reference/backend.h"
#include "backends/registry.h"
#include "backends/vulkan/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

TEST(VulkanRegistration, LinkingIsEnough) {
  ASSERT_TRUE(find_backend("vulkan").ok()) << find_backend("vulkan").status();
  const KernelBackend& backend = **find_backend("vulkan");
  EXPECT_EQ(backend.float32(DeviceKind::kCuda), nullptr);
  const KernelTable<float>* const expected = selected_device().ok() ? &vulkan_kernels() : nullptr;
  EXPECT_EQ(backend.float32(DeviceKind::kCpu), expected);
  EXPECT_EQ(backend.float32(DeviceKind::kVulkan), expected);
}

class FakeQuantizeTest : public VulkanTest {};

TEST_F(FakeQuantizeTest, OfHostMemoryIsTheReference) { conformance::check_fake_quantize_forward(vulkan_kernels()); }

}  // namespace
}  // namespace pare::backends::vulkan
