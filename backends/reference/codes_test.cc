#include <cmath>
#include <limits>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(ReferenceCodes, AreInt8OrUint8AsTheZeroPointSays) {
  const float step[] = {0.5f, 1.0f}, inverse[] = {2.0f, 1.0f}, lowest[] = {-128.0f, -3.0f},
              highest[] = {127.0f, 252.0f};
  const int32_t zero_point[] = {0, 3};
  const std::vector<float> x = {-100.0f, -0.5f, 100.0f, kNan, -9.0f, 0.0f, 900.0f, kNan};
  std::vector<uint8_t> codes(x.size());
  ASSERT_TRUE(reference_kernels<float>()
                  .quantize_to_codes({}, {1, 2, 4}, x.data(), {step, inverse, lowest, highest}, zero_point,
                                     codes.data(), nullptr)
                  .ok());
  EXPECT_THAT(std::vector<int8_t>(codes.begin(), codes.begin() + 4), ElementsAre(-128, -1, 127, 0));
  EXPECT_THAT(std::vector<uint8_t>(codes.begin() + 4, codes.end()), ElementsAre(0, 3, 255, 3));
}

TEST(ReferenceCodes, SquaredErrorsAreSumsOverAChannel) {
  const float step[] = {0.5f, 1.0f, 1.0f}, inverse[] = {2.0f, 1.0f, 1.0f}, lowest[] = {-2.0f, -2.0f, -2.0f},
              highest[] = {1.0f, 1.0f, 1.0f};
  const int32_t zero_point[] = {0, 0, 0};
  // [outer 2, channels 3, inner 2]; the levels are -1, -0.5, 0, 0.5 in the first channel, -2, -1, 0, 1 in the others.
  const std::vector<float> x = {0.625f, -2.0f, 0.25f, -0.75f, 0.0f, kNan, 0.5f, 0.0f, 4.0f, 1.0f, 0.0f, 0.0f};
  std::vector<uint8_t> codes(x.size());
  std::vector<float> error(3);
  ASSERT_TRUE(reference_kernels<float>()
                  .quantize_to_codes({}, {2, 3, 2}, x.data(), {step, inverse, lowest, highest}, zero_point,
                                     codes.data(), error.data())
                  .ok());
  EXPECT_EQ(error[0], 0.125f * 0.125f + 1.0f);
  EXPECT_EQ(error[1], 0.25f * 0.25f + 0.25f * 0.25f + 9.0f);
  EXPECT_TRUE(std::isnan(error[2]));
}

TEST(ReferenceCodes, StandForStepsFromTheZeroPoint) {
  const std::vector<uint8_t> codes = {0, 127, 128, 255};
  const float step = 0.5f;
  const int32_t signed_zero = 0, unsigned_zero = 128;
  std::vector<float> y(4);
  const auto kernel = reference_kernels<float>().dequantize_codes;
  ASSERT_TRUE(kernel({}, Layout::per_tensor(4), codes.data(), true, &step, &signed_zero, y.data()).ok());
  EXPECT_THAT(y, ElementsAre(0.0f, 63.5f, -64.0f, -0.5f));
  ASSERT_TRUE(kernel({}, Layout::per_tensor(4), codes.data(), false, &step, &unsigned_zero, y.data()).ok());
  EXPECT_THAT(y, ElementsAre(-64.0f, -0.5f, 0.0f, 63.5f));
}

}  // namespace
}  // namespace pare::backends
