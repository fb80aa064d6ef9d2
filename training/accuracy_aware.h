// training/accuracy_aware.h: training that knows how much accuracy the compression may cost.
//
//   AccuracyAwareTraining training(*algorithm, train_loader, &test_loader, options, *config.accuracy_aware_training,
//                                  /*uncompressed_accuracy=*/0.9173);
//   PARE_ASSIGN_OR_RETURN(AccuracyAwareResult result, training.run());
//   if (!result.is_budget_met) ...                       // a warning has been logged
//   PARE_RETURN_IF_ERROR(algorithm->export_model("out/model.onnx"));
//
// early_exit               stops as soon as the model is FULLY_COMPRESSED and its accuracy within the budget, be it
//                          before the first epoch. Else after options.epochs (maximal_total_epochs if that is less),
//                          over which the learning rate's schedule is spread.
// adaptive_compression_level   trains initial_training_phase_epochs by the method's own schedule, then takes the
//                          compression rate up or down (accuracy/rate_search.h), patience_epochs on each rate; the best
//                          of their accuracies is the verdict on it. The optimizer and the learning rate's schedule
//                          start anew with each rate, and are spread over its epochs. It ends with the search, or after
//                          maximal_total_epochs; options.epochs has no say. Needs a method with a rate:
//                          magnitude_sparsity, rb_sparsity, filter_pruning.
// The model ends as the best of its epochs, which best.checkpoint holds: within the budget, of the greatest rate; if no
// epoch was, the one with the least drop of those that are compressed the furthest. Everything else is the trainer's
// (training/trainer.h): its files, interrupts, resuming bit for bit, no file of a model that holds a NaN. metrics.jsonl
// has for each epoch "accuracy_aware": {"accuracy", "accuracy_drop", "accuracy_budget", "compression_rate"}.
//
// A metric of one's own, greater is better, in any unit; it is called after each epoch, with the model in evaluation
// mode, and an interrupt waits for it:
//   const auto map = [&](graph::Model& model) -> absl::StatusOr<double> { return mean_average_precision(model); };
//   AccuracyAwareTraining(*algorithm, train_loader, nullptr, options, settings, /*uncompressed_accuracy=*/37.2, map);

#ifndef PARE_TRAINING_ACCURACY_AWARE_H_
#define PARE_TRAINING_ACCURACY_AWARE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "config/accuracy_aware_settings.h"
#include "data/data_loader.h"
#include "training/accuracy/accuracy_outcome.h"
#include "training/trainer.h"

namespace pare::training {

struct AccuracyAwareResult {
  bool is_budget_met = false;  // with the model FULLY_COMPRESSED
  AccuracyOutcome best;        // the model as it is now: epoch, stage, rate, accuracy
  double accuracy_drop = 0.0;  // the uncompressed accuracy minus best.accuracy
  double budget_left = 0.0;    // best.accuracy minus the least that is allowed; negative: missed by so much
  TrainResult training;
};

class AccuracyAwareTraining {
 public:
  // All must outlive it. Without `evaluate` the metric is top-1, from 0 to 1, on `eval_loader`, which may be nullptr
  // where there is an `evaluate`; with both, the loader's top-1 is in the reports and decides nothing. Of several
  // processes each calls `evaluate`, and all take the number of process 0: it is to be of all samples.
  AccuracyAwareTraining(CompressionAlgorithm& algorithm, data::DataLoader& train_loader, data::DataLoader* eval_loader,
                        TrainOptions options, AccuracyAwareSettings settings, double uncompressed_accuracy,
                        EvaluateFunction evaluate = nullptr);

  // Errors: Trainer::run()'s; InvalidArgument for settings out of their range, a budget that any model meets, options
  // without an output folder, and where there is nothing to evaluate with; FailedPrecondition if
  // adaptive_compression_level finds no method, or several, with a compression rate; Aborted if the metric is no finite
  // number; what `evaluate` returns.
  absl::StatusOr<AccuracyAwareResult> run();

 private:
  CompressionAlgorithm& algorithm_;
  data::DataLoader& train_loader_;
  data::DataLoader* eval_loader_;
  TrainOptions options_;
  AccuracyAwareSettings settings_;
  double uncompressed_accuracy_;
  EvaluateFunction evaluate_;
};

// The epochs that the training has at most.
int64_t maximal_epochs(const AccuracyAwareSettings& settings, const TrainOptions& options);

// What run() finds wrong before it trains, but for the accuracies: for those who have more to do before it.
absl::Status check_accuracy_aware(CompressionAlgorithm& algorithm, const AccuracyAwareSettings& settings,
                                  const TrainOptions& options);

}  // namespace pare::training

#endif  // PARE_TRAINING_ACCURACY_AWARE_H_
