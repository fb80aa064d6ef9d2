#include "backends/registry.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(CpuRegistration, LinkingIsEnough) { EXPECT_TRUE(find_backend("cpu").ok()) << find_backend("cpu").status(); }

}  // namespace
}  // namespace pare::backends
