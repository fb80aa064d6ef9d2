// training/report.h: what a training says about its steps and epochs.
//
//   log.append(to_json(report, algorithm.statistics()));   // a line of metrics.jsonl
//
// Members are means over the samples of the epoch so far, as training went on, unless they say otherwise.

#ifndef PARE_TRAINING_REPORT_H_
#define PARE_TRAINING_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "compression/algorithm.h"
#include "nlohmann/json.hpp"
#include "statistics/event_file.h"
#include "statistics/statistics.h"
#include "training/evaluate.h"

namespace pare::training {

struct StepReport {
  int64_t epoch = 0;          // from 0
  int64_t step_in_epoch = 0;  // from 0
  int64_t global_step = 0;    // from 0
  double loss = 0.0;          // task + compression, of this step's batch
  double task_loss = 0.0;
  double compression_loss = 0.0;
  double learning_rate = 0.0;
  double gradient_norm = 0.0;  // before clipping
};

// What accuracy-aware training makes of an epoch; see training/accuracy_aware.h. The metric is the user's.
struct AccuracyReport {
  double accuracy = 0.0;
  double drop = 0.0;                       // the uncompressed model's accuracy minus this one
  double budget = 0.0;                     // what is left of it: accuracy minus the least that is allowed
  std::optional<double> compression_rate;  // as it was evaluated, in [0, 1); where the method has one
};

struct EpochReport {
  int64_t epoch = 0;  // from 0
  int64_t steps = 0;  // since the start of the training
  double loss = 0.0;
  double task_loss = 0.0;
  double compression_loss = 0.0;
  std::optional<double> train_top1;  // where outputs are logits [B, classes] and targets classes [B]
  double learning_rate = 0.0;        // of the last step
  double seconds = 0.0;              // training alone, without evaluation
  double data_seconds = 0.0;         // the part of it that was waiting for the loader
  CompressionStage stage = CompressionStage::kUncompressed;
  std::optional<EvaluationResult> evaluation;
  std::optional<AccuracyReport> accuracy;
};

// {"epoch", "steps", "loss", "task_loss", "compression_loss", "train_top1", "learning_rate", "stage", "seconds",
// "data_seconds", "top1", "correct", "total", "eval_loss", "accuracy_aware": {"accuracy", "accuracy_drop",
// "accuracy_budget", "compression_rate"}, "statistics"}: what there is of it.
nlohmann::ordered_json to_json(const EpochReport& report, const Statistics& statistics);

// The same numbers for TensorBoard: "training/loss", "training/task_loss", "training/compression_loss",
// "training/top1", "training/learning_rate", "training/seconds", "evaluation/top1", "evaluation/loss", those of
// accuracy-aware training under "accuracy_aware/", and the statistics under "compression/".
NamedNumbers numbers_of(const EpochReport& report, const Statistics& statistics);

// {"top1", "correct", "total", "loss"}.
nlohmann::ordered_json to_json(const EvaluationResult& result);

// Leaves in a metrics file only the lines of epochs before `epoch`: those after it will be written again by the
// training that is resumed. A line that is no JSON object with an epoch goes too; no file is as good as an empty one.
absl::Status keep_epochs_before(const std::string& path, int64_t epoch);

}  // namespace pare::training

#endif  // PARE_TRAINING_REPORT_H_
