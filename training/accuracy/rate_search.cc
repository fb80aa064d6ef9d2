#include "training/accuracy/rate_search.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace pare::training {
namespace {

constexpr double kRounding = 1e-9;

// Sums of steps such as 0.1 are to be the numbers that they are meant to be.
double rounded(double rate) { return std::round(rate * 1e9) / 1e9; }

}  // namespace

RateSearch::RateSearch(const AccuracyAwareSettings& settings)
    : step_factor_(settings.rate_step_reduction_factor),
      learning_rate_reduction_(settings.learning_rate_reduction_factor),
      minimal_step_(settings.minimal_rate_step),
      step_(settings.initial_rate_step) {}

void RateSearch::start(double rate) {
  rate_ = rate;
  lowest_ = std::min(kMinimalRate, rate);
  highest_ = std::max(kMaximalRate, rate);
}

bool RateSearch::next(bool is_within_budget) {
  const int direction = is_within_budget ? 1 : -1;
  double step = step_, learning_rate_factor = learning_rate_factor_;
  if (direction_ != 0 && direction != direction_) {
    step *= step_factor_;
    learning_rate_factor *= learning_rate_reduction_;
  }
  if (step < minimal_step_ - kRounding) return false;
  const double rate = std::clamp(rounded(rate_ + direction * step), lowest_, highest_);
  if (std::abs(rate - rate_) < kRounding) return false;
  rate_ = rate;
  step_ = step;
  learning_rate_factor_ = learning_rate_factor;
  direction_ = direction;
  return true;
}

nlohmann::json RateSearch::state() const {
  return {{"rate", rate_},
          {"lowest", lowest_},
          {"highest", highest_},
          {"step", step_},
          {"learning_rate_factor", learning_rate_factor_},
          {"direction", direction_}};
}

absl::Status RateSearch::set_state(const nlohmann::json& state) {
  for (const char* key : {"rate", "lowest", "highest", "step", "learning_rate_factor", "direction"}) {
    const bool is_number = state.is_object() && state.contains(key) && state[key].is_number();
    const double least = std::string_view(key) == "direction" ? -1.0 : 0.0;
    if (is_number && state[key].get<double>() >= least && state[key].get<double>() <= 1.0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the state of a search for a compression rate: expected a number "
                     "from ",
                     least, " to 1 under \"", key, "\"; the checkpoint is damaged"));
  }
  rate_ = state["rate"];
  lowest_ = state["lowest"];
  highest_ = state["highest"];
  step_ = state["step"];
  learning_rate_factor_ = state["learning_rate_factor"];
  direction_ = state["direction"].get<int>();
  return absl::OkStatus();
}

}  // namespace pare::training
