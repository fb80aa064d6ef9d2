#include "compression/sparsity/register_sparsity.h"

#include "compression/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::sparsity {
namespace {

using ::testing::ElementsAre;

TEST(RegisterSparsity, AllAreKnownByLinkingAlone) {
  EXPECT_THAT(registered_algorithms(), ElementsAre("const_sparsity", "magnitude_sparsity", "movement_sparsity",
                                                   "n_of_m_sparsity", "rb_sparsity"));
}

TEST(RegisterSparsity, CallingItBesidesIsFine) {
  register_sparsity();
  EXPECT_EQ(registered_algorithms().size(), 5u);
}

}  // namespace
}  // namespace pare::sparsity
