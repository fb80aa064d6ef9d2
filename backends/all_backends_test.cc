// The backends that the build was asked for have all survived linking.

#include "backends/all_backends.h"

#include "backends/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(AllBackends, AreRegistered) {
  ASSERT_TRUE(register_all_backends().ok());
  ASSERT_TRUE(register_all_backends().ok()) << "again changes nothing";
  EXPECT_THAT(backend_names(), ::testing::UnorderedElementsAreArray(enabled_backends()));
#if defined(PARE_BACKEND_CPU) && defined(PARE_BACKEND_CUDA) && defined(PARE_BACKEND_VULKAN)
  EXPECT_THAT(enabled_backends(), ::testing::IsSupersetOf({"cpu", "cuda", "vulkan"}));
#endif
}

}  // namespace
}  // namespace pare::backends
