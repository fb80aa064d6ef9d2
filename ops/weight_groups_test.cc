#include "ops/weight_groups.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using backends::WeightFormat;

constexpr WeightFormat kFormats[] = {WeightFormat::kInt4Symmetric, WeightFormat::kInt4Asymmetric, WeightFormat::kNf4,
                                     WeightFormat::kFp8E4M3, WeightFormat::kMxfp4};

// 70 columns: two groups of 32, and one of 6.
TEST(WeightGroups, CompressAndDecompress) {
  const at::Tensor weight = at::randn({5, 70});
  for (const WeightFormat format : kFormats) {
    const CompressedWeight compressed = compress_weight(weight, format, 32);
    EXPECT_EQ(compressed.codes.scalar_type(), at::kByte);
    EXPECT_EQ(compressed.codes.sizes(), at::IntArrayRef({5, format == WeightFormat::kFp8E4M3 ? 70 : 35}));
    EXPECT_EQ(compressed.scales.sizes(), at::IntArrayRef({5, 3}));
    EXPECT_EQ(compressed.zero_points.defined(), format == WeightFormat::kInt4Asymmetric);
    const at::Tensor again = decompress_weight(compressed, at::kFloat);
    ASSERT_EQ(again.sizes(), weight.sizes());
    const double error = (again - weight).square().mean().item<double>();
    EXPECT_NEAR(compressed.mean_squared_error, error, 1e-5 * error);
    // Four bits over [-3, 3] leave steps of 0.4, with an error of 0.4^2 / 12 and what is cut.
    EXPECT_GT(error, 1e-5);
    EXPECT_LT(error, 0.04);
    // What is stored once is stored the same again; MXFP4's greatest number alone may be cut twice.
    if (format != WeightFormat::kMxfp4) {
      EXPECT_LT((decompress_weight(compress_weight(again, format, 32), at::kFloat) - again).abs().max().item<float>(),
                1e-5f);
    }
  }
}

TEST(WeightGroups, NormalNumbersSuitNf4) {
  const at::Tensor weight = at::randn({64, 1024});
  const auto error = [&](WeightFormat format) { return compress_weight(weight, format, 64).mean_squared_error; };
  EXPECT_LT(error(WeightFormat::kNf4), error(WeightFormat::kInt4Symmetric));
  EXPECT_LT(error(WeightFormat::kFp8E4M3), error(WeightFormat::kNf4));
}

TEST(WeightGroups, TakeAnyStridesAndTypes) {
  const at::Tensor weight = at::randn({40, 6}).t();
  for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    const at::Tensor typed = weight.to(type);
    const CompressedWeight actual = compress_weight(typed, WeightFormat::kNf4, 16);
    const CompressedWeight expected = compress_weight(typed.to(at::kFloat).contiguous(), WeightFormat::kNf4, 16);
    EXPECT_TRUE(at::equal(actual.codes, expected.codes)) << type;
    EXPECT_TRUE(at::equal(actual.scales, expected.scales)) << type;
    if (type == at::kDouble) continue;
    const at::Tensor again = decompress_weight(actual, type);
    EXPECT_EQ(again.scalar_type(), type);
    EXPECT_TRUE(at::equal(again, decompress_weight(expected, at::kFloat).to(type))) << type;
  }
}

TEST(WeightGroups, NothingIsCompressedToNothing) {
  const CompressedWeight compressed = compress_weight(at::zeros({3, 0}), WeightFormat::kInt4Asymmetric, 32);
  EXPECT_EQ(compressed.mean_squared_error, 0);
  EXPECT_EQ(decompress_weight(compressed, at::kFloat).sizes(), at::IntArrayRef({3, 0}));
}

TEST(WeightGroups, RefuseWhatHasNoCode) {
  for (const float number : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f}) {
    const at::Tensor weight = at::zeros({2, 40});
    weight[1][35] = number;
    try {
      compress_weight(weight, WeightFormat::kFp8E4M3, 16);
      ADD_FAILURE() << number << " was accepted";
    } catch (const c10::Error& error) {
      EXPECT_NE(std::string(error.what_without_backtrace()).find("row 1, columns from 32"), std::string::npos)
          << error.what_without_backtrace();
    }
  }
}

TEST(WeightGroups, RefuseOtherShapesAndTypes) {
  EXPECT_THROW(compress_weight(at::randn({3}), WeightFormat::kNf4, 32), c10::Error);
  EXPECT_THROW(compress_weight(at::Tensor(), WeightFormat::kNf4, 32), c10::Error);
  EXPECT_THROW(compress_weight(at::randn({3, 4}), WeightFormat::kNf4, 0), c10::Error);
  EXPECT_THROW(compress_weight(at::zeros({3, 4}, at::kLong), WeightFormat::kNf4, 32), c10::Error);
}

TEST(WeightGroups, RefuseParts) {
  const CompressedWeight whole = compress_weight(at::randn({4, 64}), WeightFormat::kInt4Asymmetric, 32);
  EXPECT_THROW(decompress_weight(whole, at::kDouble), c10::Error);
  CompressedWeight parts = whole;
  parts.zero_points = at::Tensor();
  EXPECT_THROW(decompress_weight(parts, at::kFloat), c10::Error);
  parts = whole;
  parts.columns = 65;
  EXPECT_THROW(decompress_weight(parts, at::kFloat), c10::Error);
  parts = whole;
  parts.scales = whole.scales.to(at::kHalf);
  EXPECT_THROW(decompress_weight(parts, at::kFloat), c10::Error);
}

}  // namespace
}  // namespace pare::ops
