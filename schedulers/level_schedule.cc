#include "schedulers/level_schedule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace pare {

void LevelSchedule::step(std::optional<int64_t> last) {
  CompressionScheduler::step(last);
  if (options_.update_per_step && listener_ && !is_frozen() && !held_) listener_(*this);
}

void LevelSchedule::epoch_step(std::optional<int64_t> last) {
  const bool was_frozen = is_frozen();
  CompressionScheduler::epoch_step(last);
  const int64_t steps = current_step() - last_step_of_ended_epochs_;
  // Only the first epoch is known to be whole: where `last` jumps, or training goes on from elsewhere, the steps so far
  // are no epoch's.
  const bool is_first_epoch = !last.has_value() && current_epoch() == 0;
  if (options_.steps_per_epoch == 0 && steps > 0 && is_first_epoch) options_.steps_per_epoch = steps;
  last_step_of_ended_epochs_ = current_step();
  if (listener_ && !was_frozen && !held_) listener_(*this);
}

double LevelSchedule::position() const {
  double position = static_cast<double>(epochs_ended());
  if (options_.update_per_step && options_.steps_per_epoch > 0) {
    const double steps = static_cast<double>(current_step() - last_step_of_ended_epochs_);
    position += std::clamp(steps / static_cast<double>(options_.steps_per_epoch), 0.0, 1.0);
  }
  return std::clamp(position, 0.0, static_cast<double>(std::max<int64_t>(options_.freeze_epoch, 0)));
}

double LevelSchedule::level() const { return held_ ? *held_ : std::clamp(level_at(position()), 0.0, 1.0); }

void LevelSchedule::hold(double level) {
  held_ = std::clamp(level, 0.0, 1.0);
  if (listener_) listener_(*this);
}

double LevelSchedule::scheduled_target() const {
  const int64_t end = std::clamp<int64_t>(epochs_needed(), 0, std::max<int64_t>(options_.freeze_epoch, 0));
  return std::clamp(level_at(static_cast<double>(end)), 0.0, 1.0);
}

nlohmann::json LevelSchedule::state() const {
  nlohmann::json state = CompressionScheduler::state();
  state["last_step_of_ended_epochs"] = last_step_of_ended_epochs_;
  state["steps_per_epoch"] = options_.steps_per_epoch;
  if (held_) state["held"] = *held_;
  return state;
}

absl::Status LevelSchedule::set_state(const nlohmann::json& state) {
  for (const char* key : {"last_step_of_ended_epochs", "steps_per_epoch"}) {
    if (!state.is_object() || !state.contains(key) || !state[key].is_number_integer()) {
      return absl::InvalidArgumentError(absl::StrCat("a schedule's state: expected an integer under \"", key,
                                                     "\"; the checkpoint is damaged or of another schedule"));
    }
  }
  // A state of a schedule that is not held, or from before there was such a thing, has none.
  const auto held = state.find("held");
  if (held != state.end() && (!held->is_number() || !(held->get<double>() >= 0 && held->get<double>() <= 1))) {
    return absl::InvalidArgumentError(
        "a schedule's state: expected a number from 0 to 1 under \"held\"; the checkpoint is damaged");
  }
  PARE_RETURN_IF_ERROR(CompressionScheduler::set_state(state));
  held_ = held == state.end() ? std::nullopt : std::optional<double>(held->get<double>());
  last_step_of_ended_epochs_ = state["last_step_of_ended_epochs"].get<int64_t>();
  options_.steps_per_epoch = std::max<int64_t>(state["steps_per_epoch"].get<int64_t>(), 0);
  return absl::OkStatus();
}

Statistics LevelSchedule::statistics() const {
  Statistics statistics;
  statistics.set("level", level());
  statistics.set("frozen", is_frozen());
  return statistics;
}

}  // namespace pare
