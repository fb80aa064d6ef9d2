#include "schedulers/staged_scheduler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pare {

namespace {

constexpr double kLearningRateDropPower = 2.1;

}  // namespace

StagedParams StagedParams::read(config::ObjectReader& params) {
  StagedParams p;
  p.activations_quant_start_epoch =
      params.integer("activations_quant_start_epoch", p.activations_quant_start_epoch, {.min = 0});
  p.weights_quant_start_epoch = params.integer("weights_quant_start_epoch", p.weights_quant_start_epoch, {.min = 0});
  p.lr_poly_drop_start_epoch = params.optional_number("lr_poly_drop_start_epoch", {.min = 0});
  p.lr_poly_drop_duration_epochs =
      params.number("lr_poly_drop_duration_epochs", p.lr_poly_drop_duration_epochs, {.min = 1});
  p.disable_wd_start_epoch = params.optional_integer("disable_wd_start_epoch", {.min = 0});
  p.base_lr = params.number("base_lr", p.base_lr, {.min = 0});
  p.base_wd = params.number("base_wd", p.base_wd, {.min = 0});
  p.batch_multiplier = params.number("batch_multiplier", p.batch_multiplier, {.min = 1});
  return p;
}

StagedScheduler::StagedScheduler(StagedParams params, Apply apply, std::function<void()> on_switch)
    : params_(params), apply_(std::move(apply)), on_switch_(std::move(on_switch)) {
  apply_(weights_are_quantized(), activations_are_quantized());
}

void StagedScheduler::epoch_step(std::optional<int64_t> last) {
  const bool weights = weights_are_quantized(), activations = activations_are_quantized();
  CompressionScheduler::epoch_step(last);
  apply_(weights_are_quantized(), activations_are_quantized());
  if ((weights_are_quantized() && !weights) || (activations_are_quantized() && !activations)) on_switch_();
}

absl::Status StagedScheduler::set_state(const nlohmann::json& state) {
  PARE_RETURN_IF_ERROR(CompressionScheduler::set_state(state));
  apply_(weights_are_quantized(), activations_are_quantized());
  return absl::OkStatus();
}

double StagedScheduler::learning_rate_factor() const {
  if (!params_.lr_poly_drop_start_epoch.has_value()) return 1;
  const double part = (next_epoch() - *params_.lr_poly_drop_start_epoch) / params_.lr_poly_drop_duration_epochs;
  return std::pow(1 - std::clamp(part, 0.0, 1.0), kLearningRateDropPower);
}

double StagedScheduler::weight_decay_factor() const {
  return params_.disable_wd_start_epoch.has_value() && next_epoch() >= *params_.disable_wd_start_epoch ? 0 : 1;
}

Statistics StagedScheduler::statistics() const {
  Statistics statistics = CompressionScheduler::statistics();
  statistics.set("weights_quantized", weights_are_quantized());
  statistics.set("activations_quantized", activations_are_quantized());
  statistics.set("learning_rate_factor", learning_rate_factor());
  statistics.set("weight_decay_factor", weight_decay_factor());
  return statistics;
}

}  // namespace pare
