#include "compression/quantization/quantizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "nlohmann/json.hpp"

namespace pare::quantization {

namespace {

// Keeps a range above zero however training changes it.
constexpr double kRangeEpsilon = 1e-16;
// The least scale and the least width of a channel's range, against those of the largest channel.
constexpr float kSymmetricFloor = 1e-4f;
constexpr float kAsymmetricFloor = 1e-2f;
// The logarithm of zero does not exist; this is far below any scale that a floor leaves.
constexpr float kLeastForLogarithm = 1e-30f;

std::vector<float> to_vector(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().to(c10::kCPU, c10::kFloat).contiguous();
  const float* data = dense.data_ptr<float>();
  return {data, data + dense.numel()};
}

// In place where the number of elements stays: an optimizer that holds the tensor goes on.
void write_parameter(graph::Value* value, std::vector<float> numbers, bool as_logarithm) {
  if (as_logarithm) {
    for (float& number : numbers) number = std::log(std::max(number, kLeastForLogarithm));
  }
  const at::NoGradGuard no_grad;
  at::Tensor fresh = at::empty({static_cast<int64_t>(numbers.size())}, c10::kFloat);
  std::copy(numbers.begin(), numbers.end(), fresh.data_ptr<float>());
  const at::Tensor& present = value->tensor();
  if (present.numel() == fresh.numel()) {
    present.copy_(fresh.view(present.sizes()));
    return;
  }
  fresh = fresh.to(present.options());
  fresh.set_requires_grad(present.requires_grad());
  value->set_tensor(fresh);
}

const char* mode_name(QuantizationMode mode) {
  return mode == QuantizationMode::kSymmetric ? "symmetric" : "asymmetric";
}

}  // namespace

Quantizer::Quantizer(std::string name, QuantizerConfig config, Options options)
    : name_(std::move(name)),
      config_(config),
      original_config_(config),
      options_(options),
      is_signed_(config.is_signed.value_or(true)) {}

void Quantizer::set_bits(int bits) {
  config_ = original_config_;
  if (bits == config_.bits) return;
  config_.bits = bits;
  config_.narrow_range = false;
}

std::vector<std::string> Quantizer::parameter_names(const QuantizerConfig& config) {
  if (config.mode == QuantizationMode::kSymmetric) return {"scale"};
  return {"input_low", "input_range"};
}

at::Tensor Quantizer::forward(at::ArrayRef<at::Tensor> inputs) {
  const at::Tensor& x = inputs[0];
  if (observer_) observer_(x.detach());
  if (!is_active()) return x;
  const LevelRange levels = this->levels();
  if (config_.mode == QuantizationMode::kSymmetric) {
    const at::Tensor scale = config_.logarithm_scale ? inputs[1].exp() : inputs[1];
    return ops::fake_quantize_symmetric(x, scale, levels.low, levels.high, channel_axis(), kRangeEpsilon,
                                        options_.gradient);
  }
  const at::Tensor width = config_.logarithm_scale ? inputs[2].exp() : inputs[2];
  return ops::fake_quantize_asymmetric(x, inputs[1], width, levels.count(), channel_axis(), kRangeEpsilon,
                                       options_.gradient);
}

nlohmann::json Quantizer::state() const {
  return {{"mode", mode_name(config_.mode)},
          {"bits", config_.bits},
          {"logarithm_scale", config_.logarithm_scale},
          {"narrow_range", config_.narrow_range},
          {"half_range", config_.half_range},
          {"signed", is_signed_},
          {"enabled", enabled_},
          {"has_range", has_range_}};
}

absl::Status Quantizer::set_state(const nlohmann::json& state) {
  const auto is_flag = [&](const char* key) { return state.contains(key) && state[key].is_boolean(); };
  if (!state.is_object() || !is_flag("signed") || !is_flag("enabled") || !is_flag("has_range") ||
      !state.contains("mode") || !state.contains("bits")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "quantizer ", name_, ": expected a state of mode, bits, signed, enabled and has_range, found ", state.dump()));
  }
  if (bits_may_change_ && state["bits"].is_number_integer() && state["bits"] >= kMinBits && state["bits"] <= kMaxBits) {
    set_bits(state["bits"].get<int>());
  }
  // Files of before these three were kept do not have them, and are taken to agree.
  for (const auto& [key, own] : {std::pair{"logarithm_scale", config_.logarithm_scale},
                                 {"narrow_range", config_.narrow_range},
                                 {"half_range", config_.half_range}}) {
    if (!state.contains(key) || state[key] == own) continue;
    return absl::InvalidArgumentError(absl::StrCat("quantizer ", name_, ": its ", key, " is ", own ? "true" : "false",
                                                   "; that of the state is ", state[key].dump(),
                                                   ": use the config that the state was made with"));
  }
  if (state["mode"] != mode_name(config_.mode) || state["bits"] != config_.bits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "quantizer ", name_, " has ", config_.bits, " bits, ", mode_name(config_.mode), "; the state is of one with ",
        state["bits"].dump(), " bits, ", state["mode"].dump(), ": use the config that the state was made with"));
  }
  is_signed_ = state["signed"].get<bool>();
  enabled_ = state["enabled"].get<bool>();
  has_range_ = state["has_range"].get<bool>();
  return absl::OkStatus();
}

absl::Status Quantizer::set_num_channels(int64_t channels) {
  if (!config_.per_channel || has_range_ || channels < 1) {
    return absl::FailedPreconditionError(absl::StrCat("quantizer ", name_, ": parameters for ", channels,
                                                      " channels need a quantizer per channel that has no range yet"));
  }
  return guard_torch(name_, [&] {
    for (graph::Value* parameter : parameters_) write_parameter(parameter, std::vector<float>(channels, 1.0f), false);
  });
}

absl::Status Quantizer::check_range(const ValueRange& range) const {
  const size_t channels = range.min.size();
  if (channels == 0 || range.max.size() != channels || (!config_.per_channel && channels != 1)) {
    return absl::InvalidArgumentError(absl::StrCat("quantizer ", name_, ": a range of ", channels, " minima and ",
                                                   range.max.size(), " maxima does not fit one ",
                                                   config_.per_channel ? "per channel" : "per tensor"));
  }
  for (size_t c = 0; c < channels; ++c) {
    if (!std::isfinite(range.min[c]) || !std::isfinite(range.max[c]) || range.min[c] > range.max[c]) {
      return absl::InvalidArgumentError(
          absl::StrCat("quantizer ", name_, ": the values to quantize range from ", range.min[c], " to ", range.max[c],
                       channels > 1 ? absl::StrCat(" in channel ", c) : std::string(),
                       "; expected finite numbers: look for NaN or infinity in the weights and in the data"));
    }
  }
  return absl::OkStatus();
}

absl::Status Quantizer::set_range(const ValueRange& range) {
  PARE_RETURN_IF_ERROR(check_range(range));
  PARE_RETURN_IF_ERROR(config_.mode == QuantizationMode::kSymmetric ? set_symmetric_range(range)
                                                                    : set_asymmetric_range(range));
  has_range_ = true;
  return absl::OkStatus();
}

absl::Status Quantizer::set_symmetric_range(const ValueRange& range) {
  const bool any_negative = std::any_of(range.min.begin(), range.min.end(), [](float low) { return low < 0; });
  const bool is_signed = config_.is_signed.value_or(false) || any_negative;
  if (any_negative && config_.is_signed == false) {
    log_warning(absl::StrCat("quantizer ", name_, ": the config asks for unsigned, but its values go down to ",
                             *std::min_element(range.min.begin(), range.min.end()), ": signed is used instead"));
  }
  std::vector<float> scale(range.min.size());
  for (size_t c = 0; c < scale.size(); ++c) {
    scale[c] = std::max(std::abs(range.min[c]), std::abs(range.max[c]));
  }
  const float largest = *std::max_element(scale.begin(), scale.end());
  for (float& s : scale) s = largest > 0 ? std::max(s, kSymmetricFloor * largest) : 1.0f;
  is_signed_ = is_signed;
  return guard_torch(name_, [&] { write_parameter(parameters_[0], scale, config_.logarithm_scale); });
}

absl::Status Quantizer::set_asymmetric_range(const ValueRange& range) {
  std::vector<float> low(range.min.size()), width(range.min.size());
  for (size_t c = 0; c < low.size(); ++c) {
    low[c] = std::min(range.min[c], 0.0f);
    width[c] = std::max(range.max[c], 0.0f) - low[c];
  }
  const float largest = *std::max_element(width.begin(), width.end());
  for (size_t c = 0; c < low.size(); ++c) {
    const float floor = largest > 0 ? kAsymmetricFloor * largest : 1.0f;
    if (width[c] >= floor) continue;
    low[c] -= (floor - width[c]) / 2;
    width[c] = floor;
  }
  is_signed_ = std::any_of(low.begin(), low.end(), [](float l) { return l < 0; });
  return guard_torch(name_, [&] {
    write_parameter(parameters_[0], low, false);
    write_parameter(parameters_[1], width, config_.logarithm_scale);
  });
}

absl::StatusOr<ops::AffineParameters> Quantizer::affine_parameters() const {
  if (!has_range_) {
    return absl::FailedPreconditionError(absl::StrCat(
        "quantizer ", name_, " has no range yet: call initialize() with data, or load the state of a trained model"));
  }
  const LevelRange levels = this->levels();
  const auto read = [&](size_t index, bool is_logarithm) {
    return to_vector(is_logarithm ? parameters_[index]->tensor().detach().exp() : parameters_[index]->tensor());
  };
  absl::StatusOr<ops::AffineParameters> affine =
      config_.mode == QuantizationMode::kSymmetric
          ? ops::affine_parameters(
                ops::symmetric_grid(read(0, config_.logarithm_scale), levels.low, levels.high, kRangeEpsilon))
          : ops::affine_parameters(
                ops::asymmetric_grid(read(0, false), read(1, config_.logarithm_scale), levels.count(), kRangeEpsilon));
  if (!affine.ok()) {
    return absl::Status(affine.status().code(), absl::StrCat("quantizer ", name_, ": ", affine.status().message()));
  }
  return affine;
}

}  // namespace pare::quantization
