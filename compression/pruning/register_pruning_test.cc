#include "compression/pruning/register_pruning.h"

#include "compression/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::pruning {
namespace {

using ::testing::ElementsAre;

TEST(RegisterPruning, IsKnownByLinkingAlone) { EXPECT_THAT(registered_algorithms(), ElementsAre("filter_pruning")); }

TEST(RegisterPruning, CallingItBesidesIsFine) {
  register_pruning();
  EXPECT_EQ(registered_algorithms().size(), 1u);
}

}  // namespace
}  // namespace pare::pruning
