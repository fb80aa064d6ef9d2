// training/accuracy/accuracy_outcome.h: what accuracy-aware training measures; see training/accuracy_aware.h.

#ifndef PARE_TRAINING_ACCURACY_ACCURACY_OUTCOME_H_
#define PARE_TRAINING_ACCURACY_ACCURACY_OUTCOME_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "graph/model.h"

namespace pare::training {

// A model's accuracy in any unit: greater is better. The model comes in evaluation mode.
using EvaluateFunction = std::function<absl::StatusOr<double>(graph::Model&)>;

// What an epoch came to.
struct AccuracyOutcome {
  int64_t epoch = -1;  // from 0; -1: before training
  CompressionStage stage = CompressionStage::kUncompressed;
  std::optional<double> compression_rate;  // in [0, 1), where the method has one
  double accuracy = 0.0;
  bool meets_budget = false;  // and is compressed in full
};

}  // namespace pare::training

#endif  // PARE_TRAINING_ACCURACY_ACCURACY_OUTCOME_H_
