// The formats against numbers worked out by hand, and against what their papers and standards say.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr WeightFormat kFormats[] = {WeightFormat::kInt4Symmetric, WeightFormat::kInt4Asymmetric, WeightFormat::kNf4,
                                     WeightFormat::kFp8E4M3, WeightFormat::kMxfp4};

struct Quantized {
  std::vector<uint8_t> codes;
  std::vector<float> scales;
  std::vector<uint8_t> zero_points;
  std::vector<float> squared_error;
};

Quantized quantize(WeightFormat format, const GroupedLayout& layout, const std::vector<float>& x) {
  const int64_t groups = layout.rows * layout.groups();
  Quantized result{std::vector<uint8_t>(layout.rows * row_bytes(format, layout)), std::vector<float>(groups),
                   std::vector<uint8_t>(groups), std::vector<float>(groups)};
  const bool has_zero_points = format == WeightFormat::kInt4Asymmetric;
  EXPECT_TRUE(reference_kernels<float>()
                  .quantize_groups({}, layout, format, x.data(), result.codes.data(), result.scales.data(),
                                   has_zero_points ? result.zero_points.data() : nullptr, result.squared_error.data())
                  .ok());
  return result;
}

// One row of one group.
Quantized quantize(WeightFormat format, const std::vector<float>& x) {
  const auto size = static_cast<int64_t>(x.size());
  return quantize(format, {1, size, size}, x);
}

std::vector<float> dequantize(WeightFormat format, int64_t count, const Quantized& from) {
  std::vector<float> y(count);
  EXPECT_TRUE(reference_kernels<float>()
                  .dequantize_groups({}, {1, count, count}, format, from.codes.data(), from.scales.data(),
                                     from.zero_points.data(), y.data())
                  .ok());
  return y;
}

// What the codes of 4 bits are, one a number.
std::vector<int> nibbles(const std::vector<uint8_t>& codes) {
  std::vector<int> result;
  for (const uint8_t byte : codes) {
    result.push_back(byte & 15);
    result.push_back(byte >> 4);
  }
  return result;
}

TEST(ReferenceInt4Symmetric, TheGreatestMagnitudeIsLevelMinusEight) {
  const std::vector<float> below = {-4.0f, 1.0f, 2.2f, 3.5f}, above = {4.0f, -1.0f, 2.2f, -3.5f};
  const Quantized negative = quantize(WeightFormat::kInt4Symmetric, below);
  EXPECT_EQ(negative.scales[0], 0.5f);
  EXPECT_THAT(nibbles(negative.codes), ElementsAre(16 - 8, 2, 4, 7));
  EXPECT_FLOAT_EQ(negative.squared_error[0], 0.2f * 0.2f);
  EXPECT_THAT(dequantize(WeightFormat::kInt4Symmetric, 4, negative), ElementsAre(-4.0f, 1.0f, 2.0f, 3.5f));
  const Quantized positive = quantize(WeightFormat::kInt4Symmetric, above);
  EXPECT_EQ(positive.scales[0], -0.5f);
  EXPECT_THAT(nibbles(positive.codes), ElementsAre(16 - 8, 2, 16 - 4, 7));
  EXPECT_THAT(dequantize(WeightFormat::kInt4Symmetric, 4, positive), ElementsAre(4.0f, -1.0f, 2.0f, -3.5f));
  // What lies above the greatest level, 7, is cut to it; halves go to the even level.
  EXPECT_THAT(nibbles(quantize(WeightFormat::kInt4Symmetric, {-8.0f, 8.0f, 2.5f, 3.5f}).codes),
              ElementsAre(16 - 8, 7, 2, 4));
}

TEST(ReferenceInt4Asymmetric, SpansTheGroupsExtremes) {
  const Quantized mixed = quantize(WeightFormat::kInt4Asymmetric, {-1.0f, 0.0f, 2.0f, 0.89f});
  EXPECT_FLOAT_EQ(mixed.scales[0], 0.2f);
  EXPECT_EQ(mixed.zero_points[0], 5);
  EXPECT_THAT(nibbles(mixed.codes), ElementsAre(0, 5, 15, 9));
  EXPECT_NEAR(mixed.squared_error[0], 0.09 * 0.09, 1e-6);
  EXPECT_NEAR(dequantize(WeightFormat::kInt4Asymmetric, 4, mixed)[3], 0.8, 1e-6);
  // Zero is always a level.
  const Quantized positive = quantize(WeightFormat::kInt4Asymmetric, {3.0f, 2.0f});
  EXPECT_FLOAT_EQ(positive.scales[0], 0.2f);
  EXPECT_EQ(positive.zero_points[0], 0);
  EXPECT_THAT(nibbles(positive.codes), ElementsAre(15, 10));
  const Quantized negative = quantize(WeightFormat::kInt4Asymmetric, {-3.0f, -2.0f});
  EXPECT_EQ(negative.zero_points[0], 15);
  EXPECT_THAT(nibbles(negative.codes), ElementsAre(0, 5));
}

// NNCF's int4 weights, in double precision: with min and max of the group, symmetric ones have the scale
// (|min| >= max ? |min| : -max) / 8 and clip(round(w / scale), -8, 7); asymmetric ones the scale (max - min) / 15, the
// zero point clip(-round(min / scale), 0, 15), and clip(round(w / scale + zero point), 0, 15).
TEST(ReferenceInt4, IsWhatNncfComputes) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.01f, 0.05f);
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::vector<float> x(64);
    for (float& number : x) number = normal(random);
    const double min = *std::min_element(x.begin(), x.end()), max = *std::max_element(x.begin(), x.end());
    const Quantized symmetric = quantize(WeightFormat::kInt4Symmetric, x);
    const double signed_scale = (-min >= max ? -min : -max) / 8;
    EXPECT_FLOAT_EQ(symmetric.scales[0], signed_scale);
    const Quantized asymmetric = quantize(WeightFormat::kInt4Asymmetric, x);
    const double scale = (max - min) / 15, zero_point = std::clamp(-std::nearbyint(min / scale), 0.0, 15.0);
    EXPECT_FLOAT_EQ(asymmetric.scales[0], scale);
    EXPECT_EQ(asymmetric.zero_points[0], zero_point);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(nibbles(symmetric.codes)[i],
                static_cast<int>(std::clamp(std::nearbyint(x[i] / signed_scale), -8.0, 7.0)) & 15);
      EXPECT_EQ(nibbles(asymmetric.codes)[i], std::clamp(std::nearbyint(x[i] / scale + zero_point), 0.0, 15.0));
    }
  }
}

// The x of P(normal < x) = p, by bisection.
double normal_quantile(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return low;
}

// arXiv:2305.14314, section 3: eight quantiles of the normal distribution above zero and seven below, the outermost at
// the mean of 1/30 and 1/32 from the end, divided by the greatest.
TEST(ReferenceNf4, LevelsAreTheNormalDistributionsQuantiles) {
  constexpr double kEnd = 1 - (1.0 / 30 + 1.0 / 32) / 2;
  const double greatest = normal_quantile(kEnd);
  for (int k = 0; k < 7; ++k) {
    EXPECT_NEAR(kNf4Levels[k], -normal_quantile(kEnd + (0.5 - kEnd) * k / 7) / greatest, 1e-6);
  }
  EXPECT_EQ(kNf4Levels[7], 0);
  for (int k = 0; k < 8; ++k) {
    EXPECT_NEAR(kNf4Levels[15 - k], normal_quantile(kEnd + (0.5 - kEnd) * k / 8) / greatest, 1e-6);
  }
}

TEST(ReferenceNf4, TakesTheNearestLevel) {
  std::vector<float> x(kNf4Levels, kNf4Levels + 16);
  std::vector<int> expected(16);
  for (int k = 0; k < 16; ++k) expected[k] = k;
  // Between levels 7 and 8, and 14 and 15.
  for (const float number : {0.0397f, 0.0399f, 0.8614f, 0.8615f}) x.push_back(number);
  for (const int code : {7, 8, 14, 15}) expected.push_back(code);
  const Quantized result = quantize(WeightFormat::kNf4, x);
  EXPECT_EQ(result.scales[0], 1.0f);
  EXPECT_THAT(nibbles(result.codes), ElementsAreArray(expected));
  for (float& number : x) number *= 3;
  const Quantized scaled = quantize(WeightFormat::kNf4, x);
  EXPECT_EQ(scaled.scales[0], 3.0f);
  EXPECT_EQ(scaled.codes, result.codes);
  EXPECT_EQ(dequantize(WeightFormat::kNf4, 20, scaled)[1], 3 * kNf4Levels[1]);
}

// OCP 8-bit Floating Point Specification, 5.2: (-1)^s * 2^(e - 7) * (1 + m / 8), or 2^-6 * m / 8 where e = 0; only
// S.1111.111 is NaN.
double e4m3_of_the_standard(int code) {
  const int exponent = (code >> 3) & 15, mantissa = code & 7;
  if (exponent == 15 && mantissa == 7) return kNan;
  const double magnitude =
      exponent == 0 ? std::exp2(-6) * mantissa / 8 : std::exp2(exponent - 7) * (1 + mantissa / 8.0);
  return code >= 128 ? -magnitude : magnitude;
}

TEST(ReferenceE4M3, AllCodesAreTheStandards) {
  Quantized all{.codes = std::vector<uint8_t>(256), .scales = {1.0f}, .zero_points = {0}, .squared_error = {}};
  for (int code = 0; code < 256; ++code) all.codes[code] = static_cast<uint8_t>(code);
  const std::vector<float> values = dequantize(WeightFormat::kFp8E4M3, 256, all);
  std::vector<float> finite;
  std::vector<int> expected;
  for (int code = 0; code < 256; ++code) {
    const double value = e4m3_of_the_standard(code);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(values[code])) << code;
      continue;
    }
    EXPECT_EQ(values[code], value) << code;
    EXPECT_EQ(std::signbit(values[code]), code >= 128) << code;
    finite.push_back(values[code]);
    expected.push_back(code);
  }
  EXPECT_EQ(values[0x7E], 448);
  EXPECT_EQ(values[0x08], std::exp2(-6)) << "the least normal number";
  EXPECT_EQ(values[0x01], std::exp2(-9)) << "the least number";
  const Quantized back = quantize(WeightFormat::kFp8E4M3, finite);
  EXPECT_EQ(back.scales[0], 1.0f);
  EXPECT_THAT(back.codes, ElementsAreArray(expected));
  EXPECT_EQ(back.squared_error[0], 0);
}

TEST(ReferenceE4M3, RoundsHalvesToTheEvenCode) {
  // 17 and 19 lie between 16, 18 and 20; 2^-10 between 0 and 2^-9.
  const Quantized result = quantize(WeightFormat::kFp8E4M3, {448.0f, 17.0f, -19.0f, 0x1p-10f, 0x3p-10f, -0x1p-11f});
  EXPECT_THAT(result.codes, ElementsAre(0x7E, 0x58, 0x80 | 0x5A, 0x00, 0x02, 0x80));
}

// OCP Microscaling Formats Specification, 5.3.3: E2M1.
constexpr float kE2M1[16] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                             -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};

TEST(ReferenceMxfp4, AllCodesAreTheStandards) {
  const std::vector<float> x(kE2M1, kE2M1 + 16);
  const Quantized result = quantize(WeightFormat::kMxfp4, x);
  EXPECT_EQ(result.scales[0], 1.0f);
  std::vector<int> expected(16);
  for (int k = 0; k < 16; ++k) expected[k] = k;
  EXPECT_THAT(nibbles(result.codes), ElementsAreArray(expected));
  const std::vector<float> values = dequantize(WeightFormat::kMxfp4, 16, result);
  EXPECT_EQ(values, x);
  EXPECT_TRUE(std::signbit(values[8]));
}

TEST(ReferenceMxfp4, RoundsHalvesToTheEvenCode) {
  const Quantized result =
      quantize(WeightFormat::kMxfp4, {0.25f, 0.75f, 1.25f, 1.75f, -2.5f, 3.5f, 5.0f, 0.2501f, 5.001f, -0.1f});
  EXPECT_THAT(nibbles(result.codes), ElementsAre(0, 2, 2, 4, 8 + 4, 6, 6, 1, 7, 8));
}

// The same specification, 6.3: the scale is the greatest power of two in the group's magnitude over that of E2M1's
// greatest number, which is 4; what is then above 6 is cut.
TEST(ReferenceMxfp4, ScaleIsAPowerOfTwo) {
  const std::pair<float, float> scale_of_magnitude[] = {{6.0f, 1.0f},  {-7.99f, 1.0f},        {8.0f, 2.0f},
                                                        {3.99f, 0.5f}, {0.49f, 0.0625f},      {1e30f, 0x1p97f},
                                                        {4.0f, 1.0f},  {-0x1p-99f, 0x1p-101f}};
  for (const auto& [magnitude, scale] : scale_of_magnitude) {
    const Quantized result = quantize(WeightFormat::kMxfp4, {magnitude, 0.0f});
    EXPECT_EQ(result.scales[0], scale) << magnitude;
  }
  EXPECT_THAT(nibbles(quantize(WeightFormat::kMxfp4, {7.9f, -7.9f}).codes), ElementsAre(7, 15));
}

TEST(ReferenceWeightGroups, WhatCannotBeStoredHasTheCodesOfZero) {
  for (const WeightFormat format : kFormats) {
    const int zero = format == WeightFormat::kNf4 ? 7 : 0;
    const uint8_t zeros = format == WeightFormat::kNf4 ? 0x77 : 0;
    for (const float number : {kNan, kInfinity, -kInfinity, 0x1.1p120f}) {
      const Quantized result = quantize(format, {1.0f, number, -2.0f, 0.5f});
      EXPECT_TRUE(std::isnan(result.scales[0])) << number;
      EXPECT_TRUE(std::isnan(result.squared_error[0])) << number;
      EXPECT_THAT(result.codes, Each(zeros));
    }
    for (const float number : {0.0f, -0.0f, 0x1p-149f, -0x1p-101f}) {
      const Quantized result = quantize(format, {0.0f, number, -number, number});
      EXPECT_EQ(result.scales[0], 0) << number;
      EXPECT_EQ(result.squared_error[0], 0) << number;
      EXPECT_EQ(result.zero_points[0], 0) << number;
      EXPECT_THAT(result.codes, Each(zeros));
    }
    EXPECT_NE(quantize(format, {0x1p-100f, 0.0f}).scales[0], 0);
    EXPECT_TRUE(std::isfinite(quantize(format, {0x1p120f, 0.0f}).scales[0]));
    // A NaN stays in its group, and an odd row ends with four zero bits.
    const Quantized grouped = quantize(format, {2, 3, 2}, {0.0f, 0.0f, 1.0f, kNan, 1.0f, 0.0f});
    EXPECT_NE(grouped.scales[1], 0);
    EXPECT_TRUE(std::isnan(grouped.scales[2]));
    EXPECT_EQ(grouped.scales[3], 0);
    if (bits_per_code(format) == 4) {
      EXPECT_THAT(grouped.codes, ElementsAre(zeros, testing::Lt(16), zeros, zero));
    }
  }
}

}  // namespace
}  // namespace pare::backends
