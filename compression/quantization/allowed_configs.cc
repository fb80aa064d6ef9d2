#include "compression/quantization/allowed_configs.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace pare::quantization {

namespace {

constexpr int kDefaultBits = 8;

std::vector<int> device_bits(TargetDevice device, bool weights) {
  switch (device) {
    case TargetDevice::kCpu:
    case TargetDevice::kGpu:
      return {8};
    case TargetDevice::kNpu:
      return weights ? std::vector<int>{2, 4, 8} : std::vector<int>{4, 8};
    case TargetDevice::kAny:
    case TargetDevice::kTrial:
      break;
  }
  return {2, 3, 4, 5, 6, 7, 8};
}

std::string where(const std::string& node, bool weights) {
  return absl::StrCat("quantization of the ", weights ? "weights" : "inputs", " of ", node);
}

absl::Status check_bits(const std::string& node, bool weights, TargetDevice device,
                        const QuantizerConstraints& constraints, int bits) {
  if (bits < kMinBits || bits > kMaxBits) {
    return absl::InvalidArgumentError(absl::StrCat(constraints.prefix("bits"), where(node, weights), ": bits is ", bits,
                                                   ", expected ", kMinBits, " to ", kMaxBits));
  }
  const std::vector<int> possible = device_bits(device, weights);
  if (std::count(possible.begin(), possible.end(), bits) > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(constraints.prefix("bits"), where(node, weights), ": target_device ",
                                                 to_string(device), " computes with ", absl::StrJoin(possible, ", "),
                                                 " bits, the config asks for ", bits,
                                                 ": set target_device to ANY or TRIAL, or change bits"));
}

// The modes to choose from, best first.
absl::StatusOr<std::vector<QuantizationMode>> possible_modes(const std::string& node, bool weights,
                                                             const DeviceRules& rules,
                                                             const QuantizerConstraints& constraints, int bits) {
  constexpr auto kSymmetric = QuantizationMode::kSymmetric;
  constexpr auto kAsymmetric = QuantizationMode::kAsymmetric;
  const bool symmetric_alone = rules.device == TargetDevice::kNpu && bits < kDefaultBits;
  if (symmetric_alone && constraints.mode == kAsymmetric) {
    return absl::InvalidArgumentError(absl::StrCat(constraints.prefix("mode"), where(node, weights),
                                                   ": target_device NPU computes with ", bits,
                                                   " bits symmetrically alone, the config asks for asymmetric"));
  }
  if (constraints.mode.has_value()) return std::vector{*constraints.mode};
  if (symmetric_alone) return std::vector{kSymmetric};
  if (!weights && rules.prefers_asymmetric_activations) return std::vector{kAsymmetric, kSymmetric};
  return std::vector{kSymmetric, kAsymmetric};
}

// Whether ranges may be per channel, best first.
absl::StatusOr<std::vector<bool>> possible_granularities(const std::string& node, bool weights, bool is_convolution,
                                                         TargetDevice device, const QuantizerConstraints& constraints) {
  const std::optional<bool> per_channel = constraints.per_channel;
  if (weights) return per_channel.has_value() ? std::vector{*per_channel} : std::vector{true, false};
  if (!per_channel.value_or(false)) return std::vector{false};
  if (device != TargetDevice::kTrial) {
    return absl::InvalidArgumentError(
        absl::StrCat(constraints.prefix("per_channel"), where(node, weights), ": target_device ", to_string(device),
                     " computes activations per tensor, the config asks for per_channel: set target_device to TRIAL, "
                     "or per_channel to false"));
  }
  // Of other operators nobody knows which axis the channels are on.
  return is_convolution ? std::vector{true, false} : std::vector{false};
}

absl::StatusOr<std::vector<QuantizerConfig>> allowed_configs(const std::string& node, bool weights, bool is_convolution,
                                                             const DeviceRules& rules,
                                                             const QuantizerConstraints& constraints) {
  const int bits = constraints.bits.value_or(kDefaultBits);
  PARE_RETURN_IF_ERROR(check_bits(node, weights, rules.device, constraints, bits));
  PARE_ASSIGN_OR_RETURN(const std::vector<QuantizationMode> modes,
                        possible_modes(node, weights, rules, constraints, bits));
  PARE_ASSIGN_OR_RETURN(const std::vector<bool> granularities,
                        possible_granularities(node, weights, is_convolution, rules.device, constraints));
  std::vector<QuantizerConfig> configs;
  for (const QuantizationMode mode : modes) {
    for (const bool per_channel : granularities) {
      QuantizerConfig config;
      config.mode = mode;
      config.bits = bits;
      config.per_channel = per_channel;
      config.logarithm_scale = constraints.logarithm_scale.value_or(false);
      if (mode == QuantizationMode::kSymmetric) {
        config.is_signed = constraints.is_signed;
        if (weights && !config.is_signed.has_value()) config.is_signed = true;
        config.narrow_range = weights && *config.is_signed && bits == kDefaultBits;
      }
      configs.push_back(config);
    }
  }
  return configs;
}

// nullopt: they differ.
std::optional<QuantizerConfig> common(QuantizerConfig first, QuantizerConfig second) {
  if (!first.is_signed.has_value()) first.is_signed = second.is_signed;
  if (!second.is_signed.has_value()) second.is_signed = first.is_signed;
  if (first != second) return std::nullopt;
  return first;
}

template <typename T>
void set_if_given(std::optional<T>& target, const std::optional<T>& change) {
  if (change.has_value()) target = change;
}

}  // namespace

absl::StatusOr<std::vector<QuantizerConfig>> allowed_weight_configs(const graph::Node& node, const DeviceRules& rules,
                                                                    const QuantizerConstraints& constraints) {
  return allowed_configs(node.name(), true, false, rules, constraints);
}

absl::StatusOr<std::vector<QuantizerConfig>> allowed_activation_configs(const graph::Node& node,
                                                                        const DeviceRules& rules,
                                                                        const QuantizerConstraints& constraints) {
  const bool is_convolution = operator_traits(node, rules.device).kind == OperatorKind::kConvolution;
  return allowed_configs(node.name(), false, is_convolution, rules, constraints);
}

absl::StatusOr<std::vector<QuantizerConfig>> allowed_output_configs(const DeviceRules& rules,
                                                                    const QuantizerConstraints& constraints) {
  return allowed_configs("the model's output", false, false, rules, constraints);
}

absl::StatusOr<QuantizerConfig> changed_activation_config(const std::string& name, const DeviceRules& rules,
                                                          const QuantizerConfig& config,
                                                          const QuantizerConstraints& changes) {
  const QuantizerConstraints present{.mode = config.mode,
                                     .bits = config.bits,
                                     .is_signed = config.is_signed,
                                     .per_channel = config.per_channel,
                                     .logarithm_scale = config.logarithm_scale};
  // Only what is per channel already is known to have its channels where a convolution has them.
  PARE_ASSIGN_OR_RETURN(
      const std::vector<QuantizerConfig> configs,
      allowed_configs(name, false, /*is_convolution=*/config.per_channel, rules, overridden(present, changes)));
  return configs.front();
}

std::vector<QuantizerConfig> intersect(const std::vector<QuantizerConfig>& first,
                                       const std::vector<QuantizerConfig>& second) {
  std::vector<QuantizerConfig> both;
  for (const QuantizerConfig& a : first) {
    for (const QuantizerConfig& b : second) {
      if (const auto config = common(a, b); config.has_value()) both.push_back(*config);
    }
  }
  return both;
}

QuantizerConstraints overridden(const QuantizerConstraints& base, const QuantizerConstraints& changes) {
  QuantizerConstraints result = base;
  set_if_given(result.mode, changes.mode);
  set_if_given(result.bits, changes.bits);
  set_if_given(result.is_signed, changes.is_signed);
  set_if_given(result.per_channel, changes.per_channel);
  set_if_given(result.logarithm_scale, changes.logarithm_scale);
  for (const auto& [key, path] : changes.paths) result.paths[key] = path;
  return result;
}

}  // namespace pare::quantization
