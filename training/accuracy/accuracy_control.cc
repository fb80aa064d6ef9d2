#include "training/accuracy/accuracy_control.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::training {
namespace {

nlohmann::json to_json(const std::optional<AccuracyOutcome>& outcome) {
  if (!outcome) return nullptr;
  nlohmann::json json = {{"epoch", outcome->epoch},
                         {"stage", static_cast<int>(outcome->stage)},
                         {"accuracy", outcome->accuracy},
                         {"meets_budget", outcome->meets_budget}};
  if (outcome->compression_rate) json["compression_rate"] = *outcome->compression_rate;
  return json;
}

// Throws nlohmann's exceptions.
std::optional<AccuracyOutcome> outcome_of(const nlohmann::json& json) {
  if (json.is_null()) return std::nullopt;
  AccuracyOutcome outcome{.epoch = json.at("epoch"),
                          .stage = static_cast<CompressionStage>(json.at("stage").get<int>()),
                          .accuracy = json.at("accuracy"),
                          .meets_budget = json.at("meets_budget")};
  if (json.contains("compression_rate")) outcome.compression_rate = json.at("compression_rate").get<double>();
  return outcome;
}

}  // namespace

AccuracyControl::AccuracyControl(CompressionAlgorithm& algorithm, const AccuracyAwareSettings& settings,
                                 const AccuracyBudget& budget, int64_t epochs, EvaluateFunction evaluate)
    : algorithm_(algorithm),
      settings_(settings),
      budget_(budget),
      epochs_(epochs),
      evaluate_(std::move(evaluate)),
      search_(settings) {}

LearningRateCycle AccuracyControl::cycle() const {
  if (!is_adaptive()) return {.epochs = epochs_};
  if (!searches_) return {.epochs = std::min(settings_.initial_training_phase_epochs, epochs_)};
  return {.first_epoch = first_epoch_, .epochs = settings_.patience_epochs, .factor = search_.learning_rate_factor()};
}

bool AccuracyControl::beats_best(const AccuracyOutcome& outcome) const {
  if (!best_) return true;
  if (outcome.meets_budget != best_->meets_budget) return outcome.meets_budget;
  if (!outcome.meets_budget && outcome.stage != best_->stage) return outcome.stage > best_->stage;
  if (outcome.meets_budget && is_adaptive() && outcome.compression_rate != best_->compression_rate) {
    return outcome.compression_rate > best_->compression_rate;
  }
  return outcome.accuracy > best_->accuracy;
}

absl::StatusOr<bool> AccuracyControl::judge(EpochReport& report) {
  AccuracyOutcome outcome{.epoch = report.epoch, .stage = report.stage};
  if (evaluate_) {
    PARE_ASSIGN_OR_RETURN(const absl::StatusOr<double> accuracy,
                          guard_torch("the evaluation function", [&] { return evaluate_(*algorithm_.model()); }));
    PARE_ASSIGN_OR_RETURN(outcome.accuracy, accuracy);
  } else if (report.evaluation) {
    outcome.accuracy = report.evaluation->top1();
  } else {
    return absl::InvalidArgumentError("accuracy-aware training needs an evaluation function or evaluation data");
  }
  if (!std::isfinite(outcome.accuracy)) {
    return absl::AbortedError(absl::StrCat("the evaluation function gave ", outcome.accuracy, " after ", report.steps,
                                           " steps, expected a finite number; if the model has diverged, "
                                           "try a smaller learning rate"));
  }
  if (const absl::StatusOr<double> rate = algorithm_.compression_rate(); rate.ok()) outcome.compression_rate = *rate;
  const bool is_full = outcome.stage == CompressionStage::kFullyCompressed;
  outcome.meets_budget = is_full && budget_.allows(outcome.accuracy);
  report.accuracy = AccuracyReport{.accuracy = outcome.accuracy,
                                   .drop = budget_.drop(outcome.accuracy),
                                   .budget = budget_.left(outcome.accuracy),
                                   .compression_rate = outcome.compression_rate};
  if (is_full) at_rate_ = std::max(at_rate_.value_or(outcome.accuracy), outcome.accuracy);
  if (outcome.epoch >= 0) ++epochs_in_phase_;
  last_ = outcome;
  // What is not trained is a result only where it is good enough to end with.
  const bool is_best = (outcome.epoch >= 0 || outcome.meets_budget) && beats_best(outcome);
  if (is_best) best_ = outcome;
  return is_best;
}

absl::StatusOr<EpochControl::Next> AccuracyControl::advance() {
  if (!is_adaptive()) {
    is_finished_ = last_->meets_budget;
    return is_finished_ ? Next::kStop : Next::kGoOn;
  }
  if (searches_) {
    if (epochs_in_phase_ < settings_.patience_epochs) return Next::kGoOn;
    // A rate that the method has not come to within the patience is one that the model has no room for.
    return move_on(at_rate_ && budget_.allows(*at_rate_));
  }
  if (epochs_in_phase_ < settings_.initial_training_phase_epochs) return Next::kGoOn;
  searches_ = true;
  PARE_ASSIGN_OR_RETURN(const double rate, algorithm_.compression_rate());
  search_.start(rate);
  return move_on(budget_.allows(last_->accuracy));
}

absl::StatusOr<EpochControl::Next> AccuracyControl::move_on(bool is_within_budget) {
  for (;;) {
    if (!search_.next(is_within_budget)) {
      is_finished_ = true;
      return Next::kStop;
    }
    const absl::Status status = algorithm_.set_compression_rate(search_.rate());
    if (status.ok()) break;
    if (!absl::IsOutOfRange(status)) return status;
    log_info(absl::StrFormat("the compression rate %.4g is left out: %s", search_.rate(), status.message()));
    is_within_budget = false;
  }
  first_epoch_ = last_->epoch + 1;
  epochs_in_phase_ = 0;
  at_rate_.reset();
  return Next::kNewCycle;
}

std::string AccuracyControl::summary() const {
  if (!last_) return "";
  std::string text = absl::StrFormat(", accuracy %.4f, drop %.4f", last_->accuracy, budget_.drop(last_->accuracy));
  absl::StrAppendFormat(&text,
                        budget_.allows(last_->accuracy) ? ", within the budget by %.4f" : ", over the budget by %.4f",
                        std::abs(budget_.left(last_->accuracy)));
  if (last_->compression_rate) absl::StrAppendFormat(&text, ", compression rate %.4g", *last_->compression_rate);
  return text;
}

nlohmann::json AccuracyControl::state() const {
  return {{"search", search_.state()},
          {"searches", searches_},
          {"first_epoch", first_epoch_},
          {"epochs_in_phase", epochs_in_phase_},
          {"at_rate", at_rate_ ? nlohmann::json(*at_rate_) : nlohmann::json()},
          {"last", to_json(last_)},
          {"best", to_json(best_)},
          {"is_finished", is_finished_}};
}

absl::Status AccuracyControl::set_state(const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("search")) {
    return absl::InvalidArgumentError(
        "the checkpoint has no state of accuracy-aware training: it is of a training without it, or damaged; choose "
        "another output folder");
  }
  PARE_RETURN_IF_ERROR(search_.set_state(state["search"]));
  return guard_torch("the checkpoint's state of accuracy-aware training", [&] {
    state.at("searches").get_to(searches_);
    state.at("first_epoch").get_to(first_epoch_);
    state.at("epochs_in_phase").get_to(epochs_in_phase_);
    at_rate_ = state.at("at_rate").is_null() ? std::nullopt : std::optional<double>(state.at("at_rate").get<double>());
    last_ = outcome_of(state.at("last"));
    best_ = outcome_of(state.at("best"));
    state.at("is_finished").get_to(is_finished_);
  });
}

}  // namespace pare::training
