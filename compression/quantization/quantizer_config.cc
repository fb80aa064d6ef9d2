#include "compression/quantization/quantizer_config.h"

#include "absl/strings/str_cat.h"

namespace pare::quantization {

LevelRange level_range(const QuantizerConfig& config, bool is_signed) {
  const int bits = config.bits - (config.half_range ? 1 : 0);
  if (config.mode == QuantizationMode::kAsymmetric || !is_signed) return {0, (1 << bits) - 1};
  const int half = 1 << (bits - 1);
  return {config.narrow_range ? -half + 1 : -half, half - 1};
}

std::string to_string(const QuantizerConfig& config) {
  const bool symmetric = config.mode == QuantizationMode::kSymmetric;
  std::string text = absl::StrCat("INT", config.bits, symmetric ? " symmetric" : " asymmetric");
  if (symmetric && config.is_signed.has_value()) absl::StrAppend(&text, *config.is_signed ? " signed" : " unsigned");
  absl::StrAppend(&text, config.per_channel ? " per-channel" : " per-tensor");
  if (config.narrow_range) absl::StrAppend(&text, " narrow-range");
  if (config.half_range) absl::StrAppend(&text, " half-range");
  if (config.logarithm_scale) absl::StrAppend(&text, " logarithm-scale");
  return text;
}

}  // namespace pare::quantization
