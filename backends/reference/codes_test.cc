#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

TEST(ReferenceCodes, AreInt8OrUint8AsTheZeroPointSays) {
  const float step[] = {0.5f, 1.0f}, inverse[] = {2.0f, 1.0f}, lowest[] = {-128.0f, -3.0f},
              highest[] = {127.0f, 252.0f};
  const int32_t zero_point[] = {0, 3};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {-100.0f, -0.5f, 100.0f, nan, -9.0f, 0.0f, 900.0f, nan};
  std::vector<uint8_t> codes(x.size());
  ASSERT_TRUE(
      reference_kernels<float>()
          .quantize_to_codes({}, {1, 2, 4}, x.data(), {step, inverse, lowest, highest}, zero_point, codes.data())
          .ok());
  EXPECT_THAT(std::vector<int8_t>(codes.begin(), codes.begin() + 4), ElementsAre(-128, -1, 127, 0));
  EXPECT_THAT(std::vector<uint8_t>(codes.begin() + 4, codes.end()), ElementsAre(0, 3, 255, 3));
}

}  // namespace
}  // namespace pare::backends
