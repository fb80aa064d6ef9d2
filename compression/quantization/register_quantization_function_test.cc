// This program does not link what registers the method at its start.

#include "compression/quantization/register_quantization.h"
#include "compression/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RegisterQuantization, TheFunctionRegisters) {
  EXPECT_THAT(registered_algorithms(), IsEmpty());
  register_quantization();
  EXPECT_THAT(registered_algorithms(), ElementsAre("quantization"));
  register_quantization();
  EXPECT_THAT(registered_algorithms(), ElementsAre("quantization"));
}

}  // namespace
}  // namespace pare::quantization
