#include "schedulers/adaptive_schedule.h"

#include <algorithm>

#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pare {

AdaptiveSchedule::AdaptiveSchedule(const SparsityOptions& options, AdaptiveOptions adaptive,
                                   std::function<double()> current_sparsity)
    : LevelSchedule(options.level_options()),
      options_(options),
      adaptive_(adaptive),
      current_sparsity_(std::move(current_sparsity)),
      level_(options.initial) {}

std::unique_ptr<AdaptiveSchedule> AdaptiveSchedule::read(config::ObjectReader& params, double initial,
                                                         std::function<double()> current_sparsity) {
  const SparsityOptions options = read_sparsity_options(params, initial);
  AdaptiveOptions adaptive;
  adaptive.patience = params.integer("patience", adaptive.patience, {.min = 1});
  adaptive.step = params.number("step", adaptive.step, {.min = 0, .max = 1});
  adaptive.eps = params.number("eps", adaptive.eps, {.min = 0, .max = 1});
  if (!current_sparsity) {
    params.fail(absl::FailedPreconditionError(
        params.path() +
        ": the adaptive schedule follows the sparsity that a method learns, and this method learns "
        "none; take another schedule, such as \"exponential\""));
  }
  return std::make_unique<AdaptiveSchedule>(options, adaptive, std::move(current_sparsity));
}

void AdaptiveSchedule::epoch_step(std::optional<int64_t> last) {
  // Before the base class calls the listener, which is to see the new level.
  if (!is_frozen() && !held()) {
    if (current_sparsity_() >= level_ - adaptive_.eps) ++epochs_on_level_;
    if (epochs_on_level_ >= adaptive_.patience) {
      epochs_on_level_ = 0;
      level_ = std::max(level_, std::min(level_ + adaptive_.step, options_.target));
    }
  }
  LevelSchedule::epoch_step(last);
}

double AdaptiveSchedule::level_at(double) const { return level_; }

nlohmann::json AdaptiveSchedule::state() const {
  nlohmann::json state = LevelSchedule::state();
  state["level"] = level_;
  state["epochs_on_level"] = epochs_on_level_;
  return state;
}

absl::Status AdaptiveSchedule::set_state(const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("level") || !state["level"].is_number() ||
      !state.contains("epochs_on_level") || !state["epochs_on_level"].is_number_integer()) {
    return absl::InvalidArgumentError(
        "an adaptive schedule's state: expected the numbers \"level\" and \"epochs_on_level\"; the checkpoint is "
        "damaged or of another schedule");
  }
  PARE_RETURN_IF_ERROR(LevelSchedule::set_state(state));
  level_ = std::clamp(state["level"].get<double>(), 0.0, 1.0);
  epochs_on_level_ = state["epochs_on_level"].get<int64_t>();
  return absl::OkStatus();
}

}  // namespace pare
