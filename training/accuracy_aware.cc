#include "training/accuracy_aware.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "distributed/agree.h"
#include "training/accuracy/accuracy_budget.h"
#include "training/accuracy/accuracy_control.h"

namespace pare::training {
namespace {

bool is_adaptive(const AccuracyAwareSettings& settings) {
  return settings.mode == AccuracyAwareMode::kAdaptiveCompressionLevel;
}

TrainOptions trainer_options(const AccuracyAwareSettings& settings, TrainOptions options) {
  options.epochs = maximal_epochs(settings, options);
  // The search goes on from where the schedule is after the initial phase.
  if (is_adaptive(settings)) options.allow_unfinished_schedule = true;
  options.restore_best = true;
  return options;
}

void warn_of_missed_budget(const AccuracyAwareResult& result, const AccuracyBudget& budget) {
  const AccuracyOutcome& best = result.best;
  const std::string kept =
      absl::StrFormat("the model of epoch %d is kept, with the accuracy %.4f", best.epoch + 1, best.accuracy);
  if (budget.allows(best.accuracy)) {
    log_warning(absl::StrCat("no epoch was FULLY_COMPRESSED within the accuracy budget: ", kept,
                             ", which is within it,"
                             " but it is ",
                             to_string(best.stage), "; train for more epochs"));
    return;
  }
  log_warning(
      absl::StrFormat("the accuracy budget is missed by %.4f: %s, of the %.4f that are needed; train for more "
                      "epochs, compress less, or allow a greater degradation",
                      -result.budget_left, kept, budget.least()));
}

// Of several processes, each of which has run the function, all take the number of process 0: one that is another in a
// last bit must not let them decide differently.
EvaluateFunction with_one_answer(EvaluateFunction evaluate, ProcessGroup* group) {
  if (!evaluate || !is_distributed(group)) return evaluate;
  return [evaluate = std::move(evaluate), group](graph::Model& model) -> absl::StatusOr<double> {
    absl::StatusOr<double> mine = absl::UnknownError("");
    const absl::Status thrown = guard_torch("the evaluation function", [&] { mine = evaluate(model); });
    PARE_RETURN_IF_ERROR(agree(group, thrown.ok() ? mine.status() : thrown));
    double answer = group->rank() == 0 ? *mine : 0.0;
    PARE_RETURN_IF_ERROR(group->reduce_numbers(absl::MakeSpan(&answer, 1), Reduction::kSum));
    return answer;
  };
}

}  // namespace

int64_t maximal_epochs(const AccuracyAwareSettings& settings, const TrainOptions& options) {
  if (is_adaptive(settings)) return settings.maximal_total_epochs;
  return std::min(options.epochs, settings.maximal_total_epochs);
}

absl::Status check_accuracy_aware(CompressionAlgorithm& algorithm, const AccuracyAwareSettings& settings,
                                  const TrainOptions& options) {
  PARE_RETURN_IF_ERROR(check_accuracy_aware_settings(settings, "accuracy_aware_training"));
  PARE_RETURN_IF_ERROR(check_train_options(trainer_options(settings, options)));
  if (options.output_dir.empty()) {
    return absl::InvalidArgumentError(
        "accuracy-aware training needs an output folder: the model ends as the best of its checkpoints");
  }
  if (options.control != nullptr) {
    return absl::InvalidArgumentError("accuracy-aware training is a control of its own: the options are to have none");
  }
  if (is_adaptive(settings)) {
    const absl::Status status = algorithm.compression_rate().status();
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(status.message(), " (accuracy_aware_training with the mode \"",
                                                      to_string(settings.mode), "\"; \"early_exit\" needs no rate)"));
    }
  }
  return check_schedule_fits(algorithm, trainer_options(settings, options));
}

AccuracyAwareTraining::AccuracyAwareTraining(CompressionAlgorithm& algorithm, data::DataLoader& train_loader,
                                             data::DataLoader* eval_loader, TrainOptions options,
                                             AccuracyAwareSettings settings, double uncompressed_accuracy,
                                             EvaluateFunction evaluate)
    : algorithm_(algorithm),
      train_loader_(train_loader),
      eval_loader_(eval_loader),
      options_(std::move(options)),
      settings_(std::move(settings)),
      uncompressed_accuracy_(uncompressed_accuracy),
      evaluate_(std::move(evaluate)) {}

absl::StatusOr<AccuracyAwareResult> AccuracyAwareTraining::run() {
  PARE_RETURN_IF_ERROR(check_accuracy_aware(algorithm_, settings_, options_));
  if (!evaluate_ && (eval_loader_ == nullptr || !options_.evaluate)) {
    return absl::InvalidArgumentError("accuracy-aware training needs an evaluation function or evaluation data");
  }
  PARE_ASSIGN_OR_RETURN(const AccuracyBudget budget, AccuracyBudget::create(settings_, uncompressed_accuracy_));
  TrainOptions options = trainer_options(settings_, options_);
  nlohmann::json own = to_json(settings_);
  own["uncompressed_accuracy"] = uncompressed_accuracy_;
  // Two functions cannot be compared; whether there is one can.
  own["metric"] = evaluate_ ? "its own" : "top1";
  options.config = {{"accuracy_aware_training", std::move(own)}, {"training", options_.config}};
  AccuracyControl control(algorithm_, settings_, budget, options.epochs,
                          with_one_answer(evaluate_, options.process_group));
  options.control = &control;
  if (is_adaptive(settings_) && settings_.initial_training_phase_epochs >= options.epochs) {
    log_warning(absl::StrCat("the initial phase of ", settings_.initial_training_phase_epochs,
                             " epochs leaves none of maximal_total_epochs, ", options.epochs,
                             ", to look for another compression rate"));
  }

  AccuracyAwareResult result;
  PARE_ASSIGN_OR_RETURN(result.training, Trainer(algorithm_, train_loader_, eval_loader_, options).run());
  if (!control.best()) return result;  // the maximal number of steps came before the first epoch's end
  result.best = *control.best();
  result.is_budget_met = result.best.meets_budget;
  result.accuracy_drop = budget.drop(result.best.accuracy);
  result.budget_left = budget.left(result.best.accuracy);
  if (!result.is_budget_met) {
    warn_of_missed_budget(result, budget);
  } else if (!options.progress.quiet) {
    log_info(absl::StrFormat(
        "the accuracy budget is met: accuracy %.4f, drop %.4f%s", result.best.accuracy, result.accuracy_drop,
        result.best.compression_rate ? absl::StrFormat(", compression rate %.4g", *result.best.compression_rate) : ""));
  }
  return result;
}

}  // namespace pare::training
