#include "schedulers/compression_scheduler.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace pare {

void CompressionScheduler::step(std::optional<int64_t> last) { step_ = last.value_or(step_ + 1); }

void CompressionScheduler::epoch_step(std::optional<int64_t> last) { epoch_ = last.value_or(epoch_ + 1); }

int64_t CompressionScheduler::epochs_needed() const { return 0; }

double CompressionScheduler::learning_rate_factor() const { return 1; }

double CompressionScheduler::weight_decay_factor() const { return 1; }

nlohmann::json CompressionScheduler::state() const { return {{"step", step_}, {"epoch", epoch_}}; }

absl::Status CompressionScheduler::set_state(const nlohmann::json& state) {
  for (const char* key : {"step", "epoch"}) {
    if (!state.is_object() || !state.contains(key) || !state[key].is_number_integer() ||
        state[key].get<int64_t>() < -1) {
      return absl::InvalidArgumentError(absl::StrCat("a scheduler's state: expected an integer of at least -1 under \"",
                                                     key, "\"; the checkpoint is damaged or of another program"));
    }
  }
  step_ = state["step"].get<int64_t>();
  epoch_ = state["epoch"].get<int64_t>();
  return absl::OkStatus();
}

Statistics CompressionScheduler::statistics() const { return Statistics(); }

}  // namespace pare
