#include "compression/quantization/register_quantization.h"

#include <algorithm>

#include "compression/registry.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

bool is_registered() {
  const auto names = registered_algorithms();
  return std::find(names.begin(), names.end(), "quantization") != names.end();
}

TEST(RegisterQuantization, IsKnownByLinkingAlone) { EXPECT_TRUE(is_registered()); }

TEST(RegisterQuantization, CallingItBesidesIsFine) {
  register_quantization();
  EXPECT_TRUE(is_registered());
}

}  // namespace
}  // namespace pare::quantization
