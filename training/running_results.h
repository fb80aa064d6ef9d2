// training/running_results.h: what a training keeps count of while it runs, and its checkpoints keep.

#ifndef PARE_TRAINING_RUNNING_RESULTS_H_
#define PARE_TRAINING_RUNNING_RESULTS_H_

#include <cstdint>
#include <optional>

#include "compression/algorithm.h"
#include "nlohmann/json.hpp"
#include "training/evaluate.h"
#include "training/report.h"

namespace pare::training {

// Sums over the samples of an epoch; a resumed epoch goes on with them.
struct EpochSums {
  int64_t samples = 0;
  int64_t classified = 0;  // samples whose answer could be compared with a class
  int64_t correct = 0;
  double loss = 0.0, task_loss = 0.0, compression_loss = 0.0;
  double seconds = 0.0, data_seconds = 0.0;

  // A step's losses, which are means over its samples.
  void add(const StepReport& step, int64_t step_samples);
  // What they make of a report: means, times, training accuracy.
  void fill(EpochReport& report) const;
};

// The best epoch so far. A further compression stage beats any accuracy: an uncompressed model is no result. Of equal
// ones the first stays.
struct BestEpoch {
  int64_t epoch = -1;  // -1: none
  CompressionStage stage = CompressionStage::kUncompressed;
  EvaluationResult result;

  bool is_beaten_by(CompressionStage other_stage, const EvaluationResult& other) const;
};

// A list of numbers each. from_json() throws nlohmann's exceptions.
void to_json(nlohmann::json& json, const EpochSums& sums);
void from_json(const nlohmann::json& json, EpochSums& sums);
void to_json(nlohmann::json& json, const BestEpoch& best);
void from_json(const nlohmann::json& json, BestEpoch& best);

}  // namespace pare::training

#endif  // PARE_TRAINING_RUNNING_RESULTS_H_
