#include "ops/codes.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <vector>

#include "ops/tensor_kernels.h"

namespace pare::ops {
namespace {

void check_parameters(const char* operation, const AffineParameters& parameters, size_t channels) {
  TORCH_CHECK(parameters.scale.size() == channels && parameters.zero_point.size() == channels, operation, ": ",
              channels, " channels need as many scales and zero points, but there are ", parameters.scale.size(),
              " and ", parameters.zero_point.size());
}

}  // namespace

Codes quantize_to_codes(const at::Tensor& x, const AffineParameters& parameters, int64_t channel_axis) {
  constexpr char kName[] = "quantize_to_codes";
  const at::Tensor dense = dense_numbers(kName, x.detach()).contiguous();
  check_channel_axis(kName, dense, channel_axis);
  const auto channels = static_cast<size_t>(channels_of(dense, channel_axis));
  const bool is_signed = parameters.code_low < 0;
  check_parameters(kName, parameters, channels);
  TORCH_CHECK((is_signed ? -128 : 0) <= parameters.code_low && parameters.code_high <= (is_signed ? 127 : 255), kName,
              ": codes of 8 bits are expected, but they are [", parameters.code_low, ", ", parameters.code_high, "]");
  std::vector<float> inverse_step, lowest, highest;
  for (size_t channel = 0; channel < channels; ++channel) {
    inverse_step.push_back(1.0f / parameters.scale[channel]);
    lowest.push_back(static_cast<float>(parameters.code_low - parameters.zero_point[channel]));
    highest.push_back(static_cast<float>(parameters.code_high - parameters.zero_point[channel]));
  }
  Codes result{at::empty(dense.sizes(), dense.options().dtype(is_signed ? at::kChar : at::kByte)),
               std::vector<float>(channels)};
  with_kernel_type(dense, [&](auto type) {
    using T = decltype(type);
    throw_unless_ok(kernel_for(backends::kQuantizeToCodes<T>, dense.device())(
        torch_execution(), layout_of(dense, channel_axis), data_of<T>(dense),
        {parameters.scale.data(), inverse_step.data(), lowest.data(), highest.data()}, parameters.zero_point.data(),
        mutable_data_of<uint8_t>(result.codes), result.mean_squared_error.data()));
  });
  for (size_t channel = 0; channel < channels; ++channel) {
    float& error = result.mean_squared_error[channel];
    TORCH_CHECK(!std::isnan(error), kName, ": channel ", channel, " holds a NaN, which has no code");
    error /= static_cast<float>(dense.numel() / static_cast<int64_t>(channels));
  }
  return result;
}

at::Tensor dequantize_codes(const at::Tensor& codes, const AffineParameters& parameters, int64_t channel_axis) {
  constexpr char kName[] = "dequantize_codes";
  TORCH_CHECK(codes.defined() && (codes.scalar_type() == at::kChar || codes.scalar_type() == at::kByte) &&
                  (codes.device().is_cpu() || codes.is_cuda()),
              kName, ": codes are expected as int8 or uint8 on the CPU or on CUDA, but they are ", codes.toString());
  check_channel_axis(kName, codes, channel_axis);
  check_parameters(kName, parameters, static_cast<size_t>(channels_of(codes, channel_axis)));
  const at::Tensor dense = codes.contiguous();
  const at::Tensor result = at::empty(dense.sizes(), dense.options().dtype(at::kFloat));
  throw_unless_ok(kernel_for(backends::kDequantizeCodes<float>, dense.device())(
      torch_execution(), layout_of(dense, channel_axis), data_of<uint8_t>(dense), dense.scalar_type() == at::kChar,
      parameters.scale.data(), parameters.zero_point.data(), mutable_data_of(result)));
  return result;
}

}  // namespace pare::ops
