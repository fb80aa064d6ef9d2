#include "ops/codes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <c10/util/Exception.h>

#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "ops/fake_quantize.h"

namespace pare::ops {
namespace {

at::Tensor tensor_of(const std::vector<float>& numbers) {
  const at::Tensor x = at::empty({static_cast<int64_t>(numbers.size())}, at::kFloat);
  std::copy(numbers.begin(), numbers.end(), static_cast<float*>(x.data_ptr()));
  return x;
}

TEST(Codes, OfSymmetricWeightsGiveTheForwardsValues) {
  const at::Tensor weight = at::randn({4, 3, 3, 3});
  const std::vector<float> scales = {0.5f, 1.0f, 1.5f, 2.0f};
  const auto parameters = affine_parameters(symmetric_grid(scales, -127, 127, 1e-16));
  const Codes codes = quantize_to_codes(weight, *parameters, 0);
  EXPECT_EQ(codes.codes.scalar_type(), at::kChar);
  const at::Tensor values = codes.codes.to(at::kFloat) * tensor_of(parameters->scale).view({4, 1, 1, 1});
  EXPECT_TRUE(
      at::equal(values, fake_quantize_symmetric(weight, tensor_of(scales), -127, 127, 0, 1e-16, GradientRule::kExact)));
  EXPECT_TRUE(at::equal(values, dequantize_codes(codes.codes, *parameters, 0)));
  const at::Tensor errors = (values - weight).square().flatten(1).mean(1);
  for (int64_t channel = 0; channel < 4; ++channel) {
    EXPECT_NEAR(codes.mean_squared_error[channel], errors[channel].item<float>(), 1e-7f);
  }
}

TEST(Codes, OfAsymmetricWeightsAreUnsigned) {
  const at::Tensor weight = at::randn({4, 30});
  const auto parameters = affine_parameters(asymmetric_grid({-0.7f}, {1.9f}, 256, 1e-16));
  const at::Tensor codes = quantize_to_codes(weight, *parameters, -1).codes;
  EXPECT_EQ(codes.scalar_type(), at::kByte);
  const at::Tensor values = (codes.to(at::kFloat) - parameters->zero_point[0]) * parameters->scale[0];
  EXPECT_TRUE(at::equal(values, dequantize_codes(codes, *parameters, -1)));
  EXPECT_TRUE(at::equal(values, fake_quantize_asymmetric(weight, tensor_of({-0.7f}), tensor_of({1.9f}), 256, -1, 1e-16,
                                                         GradientRule::kExact)));
}

TEST(Codes, OfATransposedWeightKeepItsShape) {
  const at::Tensor weight = at::randn({5, 3}).t();
  const auto parameters = affine_parameters(symmetric_grid({1.0f, 2.0f, 3.0f}, -128, 127, 0));
  EXPECT_TRUE(at::equal(quantize_to_codes(weight, *parameters, 0).codes,
                        quantize_to_codes(weight.contiguous(), *parameters, 0).codes));
}

TEST(Codes, OfHalfPrecisionAreThoseOfItsNumbersInFloat) {
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor weight = at::randn({4, 33}).to(type), same = weight.to(at::kFloat);
    const auto parameters = *affine_parameters(symmetric_grid({0.5f, 1.0f, 1.5f, 2.0f}, -127, 127, 1e-16));
    const Codes codes = quantize_to_codes(weight, parameters, 0), expected = quantize_to_codes(same, parameters, 0);
    EXPECT_TRUE(at::equal(codes.codes, expected.codes));
    for (size_t channel = 0; channel < 4; ++channel) {
      EXPECT_NEAR(codes.mean_squared_error[channel], expected.mean_squared_error[channel],
                  1e-4f * expected.mean_squared_error[channel]);
    }
  }
}

TEST(Codes, RefuseNanAndWrongParameters) {
  const auto parameters = *affine_parameters(symmetric_grid({1.0f}, -128, 127, 0));
  EXPECT_THROW(quantize_to_codes(at::full({3}, std::numeric_limits<float>::quiet_NaN()), parameters, -1), c10::Error);
  EXPECT_THROW(quantize_to_codes(at::randn({3}), parameters, 0), c10::Error);
  EXPECT_THROW(quantize_to_codes(at::randn({3}), *affine_parameters(symmetric_grid({1.0f}, -512, 511, 0)), -1),
               c10::Error);
  EXPECT_THROW(dequantize_codes(at::randn({3}), parameters, -1), c10::Error);
  EXPECT_THROW(dequantize_codes(at::full({3}, 1, at::kByte), parameters, 0), c10::Error);
}

}  // namespace
}  // namespace pare::ops
