// The arithmetic that every backend repeats, against its sources: published vectors, the compiler's own 16-bit type,
// and double precision.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "backends/exponential.h"
#include "backends/fast_divisor.h"
#include "backends/half.h"
#include "backends/philox.h"
#include "backends/weight_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

double errors_in_last_place(float actual, double expected) {
  const auto rounded = static_cast<float>(expected);
  const float unit = std::nextafter(std::fabs(rounded), std::numeric_limits<float>::infinity()) - std::fabs(rounded);
  return std::fabs(actual - expected) / unit;
}

// The known answers that come with the authors' implementation, Random123, for ten rounds.
TEST(Philox, GivesThePublishedBlocks) {
  EXPECT_THAT(philox_block({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_THAT(philox_block({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(Philox, AnElementIsAWordOfItsBlock) {
  const RandomStream stream{0x299f31d0a4093822, 0x0370734413198a2e};
  EXPECT_EQ(philox_word(stream, (0x85a308d3243f6a88ull << 2) + 2),
            philox_block({0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0})[2]);
}

TEST(Philox, UniformStaysInItsRange) {
  EXPECT_GE(uniform(0), 1e-6f);
  EXPECT_LE(uniform(0xffffffff), 0.999999f);
  EXPECT_NEAR(uniform(0x80000000), 0.5f, 1e-6f);
}

TEST(Exponential, IsWithinThreeUnitsInTheLastPlace) {
  for (float x = -80; x <= 80; x += 0.0037f)
    ASSERT_LE(errors_in_last_place(exponential(x), std::exp(double{x})), 3) << x;
  EXPECT_EQ(exponential(0), 1);
  EXPECT_EQ(exponential(1000), exponential(80));
  EXPECT_EQ(exponential(-std::numeric_limits<float>::infinity()), exponential(-80));
  EXPECT_TRUE(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Reciprocal, IsWithinItsErrorAndExactForPowersOfTwo) {
  for (uint32_t bits = 0x00800000; bits < 0x7E000000; bits += 9973) {
    const auto x = std::bit_cast<float>(bits);
    ASSERT_LE(errors_in_last_place(reciprocal(x), 1.0 / x), 1.25) << x;
    ASSERT_EQ(reciprocal(-x), -reciprocal(x));
  }
  for (int exponent = -126; exponent <= 125; ++exponent) {
    ASSERT_EQ(reciprocal(std::ldexp(1.0f, exponent)), std::ldexp(1.0f, -exponent));
  }
}

#ifdef __FLT16_MANT_DIG__
TEST(Half, ConvertsAsTheCompiler) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto expected = static_cast<float>(std::bit_cast<_Float16>(static_cast<uint16_t>(bits)));
    const float actual = to_float(Half{static_cast<uint16_t>(bits)});
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(actual) && std::isnan(to_float(from_float<Half>(actual))));
      continue;
    }
    ASSERT_EQ(std::bit_cast<uint32_t>(actual), std::bit_cast<uint32_t>(expected)) << bits;
    // Back again, and halfway to the next one, and beside that.
    const float next = to_float(Half{static_cast<uint16_t>(bits + 1)});
    const float middle = 0.5f * (actual + next);
    for (const float x : {actual, middle, std::nextafter(middle, actual), std::nextafter(middle, next)}) {
      if (std::isnan(x)) continue;
      ASSERT_EQ(from_float<Half>(x).bits, std::bit_cast<uint16_t>(static_cast<_Float16>(x))) << x;
    }
  }
}
#endif

TEST(BFloat16, RoundsHalvesToEven) {
  EXPECT_EQ(from_float<BFloat16>(1.0f).bits, 0x3F80);
  EXPECT_EQ(from_float<BFloat16>(std::bit_cast<float>(0x3F808000)).bits, 0x3F80);
  EXPECT_EQ(from_float<BFloat16>(std::bit_cast<float>(0x3F818000)).bits, 0x3F82);
  EXPECT_EQ(from_float<BFloat16>(std::bit_cast<float>(0x3F808001)).bits, 0x3F81);
  EXPECT_EQ(from_float<BFloat16>(std::numeric_limits<float>::max()).bits, 0x7F80) << "infinity";
  EXPECT_TRUE(std::isnan(to_float(from_float<BFloat16>(std::bit_cast<float>(0x7F800001)))));
}

TEST(FastDivisor, DividesExactly) {
  std::mt19937 random(3);
  constexpr uint32_t kEnd = 1u << 31;
  std::vector<uint32_t> divisors = {1, 2, 3, 5, 7, 641, 1000, 65'535, 65'536, 65'537, 1 << 30, kEnd - 1};
  for (int i = 0; i < 2000; ++i) divisors.push_back(1 + (random() % (kEnd - 1) >> random() % 31));
  for (uint32_t d : divisors) {
    const FastDivisor divisor = fast_divisor(d);
    std::vector<uint32_t> numbers = {0, 1, kEnd - 1};
    for (int i = 0; i < 20; ++i) {
      const uint32_t multiple = random() % kEnd / d * d;
      numbers.insert(numbers.end(), {multiple, multiple == 0 ? 0 : multiple - 1});
    }
    for (uint32_t n : numbers) ASSERT_EQ(divide(n, divisor), n / d) << n << " / " << d;
  }
}

TEST(WeightFormat, Nf4sBoundariesLieBetweenItsLevels) {
  for (int k = 0; k < 15; ++k) {
    EXPECT_LT(kNf4Levels[k], nf4_boundary(k));
    EXPECT_LT(nf4_boundary(k), kNf4Levels[k + 1]);
  }
}

TEST(WeightFormat, RowsEndWithWholeBytes) {
  const GroupedLayout layout{3, 65, 32};
  EXPECT_EQ(layout.groups(), 3);
  EXPECT_EQ(row_bytes(WeightFormat::kInt4Symmetric, layout), 33);
  EXPECT_EQ(row_bytes(WeightFormat::kFp8E4M3, layout), 65);
}

}  // namespace
}  // namespace pare::backends
