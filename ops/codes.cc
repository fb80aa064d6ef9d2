#include "ops/codes.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <vector>

#include "ops/tensor_kernels.h"

namespace pare::ops {

at::Tensor quantize_to_codes(const at::Tensor& x, const AffineParameters& parameters, int64_t channel_axis) {
  constexpr char kName[] = "quantize_to_codes";
  const at::Tensor dense = dense_float32(kName, x.detach()).contiguous();
  check_channel_axis(kName, dense, channel_axis);
  const size_t channels = channels_of(dense, channel_axis);
  const bool is_signed = parameters.code_low < 0;
  TORCH_CHECK(parameters.scale.size() == channels && parameters.zero_point.size() == channels, kName, ": ", channels,
              " channels need as many scales and zero points, but there are ", parameters.scale.size(), " and ",
              parameters.zero_point.size());
  TORCH_CHECK((is_signed ? -128 : 0) <= parameters.code_low && parameters.code_high <= (is_signed ? 127 : 255), kName,
              ": codes of 8 bits are expected, but they are [", parameters.code_low, ", ", parameters.code_high, "]");
  std::vector<float> inverse_step, lowest, highest;
  for (size_t channel = 0; channel < channels; ++channel) {
    inverse_step.push_back(1.0f / parameters.scale[channel]);
    lowest.push_back(static_cast<float>(parameters.code_low - parameters.zero_point[channel]));
    highest.push_back(static_cast<float>(parameters.code_high - parameters.zero_point[channel]));
  }
  const backends::Layout layout = layout_of(dense, channel_axis);
  std::vector<float> magnitudes(channels);
  throw_unless_ok(kernel_for(backends::kAbsMax<float>)(torch_execution(), layout, data_of(dense), magnitudes.data()));
  for (size_t channel = 0; channel < channels; ++channel) {
    TORCH_CHECK(!std::isnan(magnitudes[channel]), kName, ": channel ", channel, " holds a NaN, which has no code");
  }
  const at::Tensor codes = at::empty(dense.sizes(), dense.options().dtype(is_signed ? at::kChar : at::kByte));
  throw_unless_ok(kernel_for(backends::kQuantizeToCodes<float>)(
      torch_execution(), layout, data_of(dense),
      {parameters.scale.data(), inverse_step.data(), lowest.data(), highest.data()}, parameters.zero_point.data(),
      static_cast<uint8_t*>(codes.data_ptr()), nullptr));
  return codes;
}

}  // namespace pare::ops
