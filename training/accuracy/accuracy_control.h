// training/accuracy/accuracy_control.h: the decisions of accuracy-aware training, epoch by epoch. Not for users: see
// training/accuracy_aware.h.
//
// Outcomes are compared so: first what meets the budget with the model FULLY_COMPRESSED; of those the greater
// compression rate (adaptive_compression_level alone), then the greater accuracy; of the others the further stage, then
// the greater accuracy, which is the least drop.

#ifndef PARE_TRAINING_ACCURACY_ACCURACY_CONTROL_H_
#define PARE_TRAINING_ACCURACY_ACCURACY_CONTROL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "config/accuracy_aware_settings.h"
#include "nlohmann/json.hpp"
#include "training/accuracy/accuracy_budget.h"
#include "training/accuracy/accuracy_outcome.h"
#include "training/accuracy/rate_search.h"
#include "training/epoch_control.h"

namespace pare::training {

class AccuracyControl : public EpochControl {
 public:
  // `epochs` is the most that the training has; without `evaluate` the accuracy is the report's top-1.
  AccuracyControl(CompressionAlgorithm& algorithm, const AccuracyAwareSettings& settings, const AccuracyBudget& budget,
                  int64_t epochs, EvaluateFunction evaluate);

  LearningRateCycle cycle() const override;
  absl::StatusOr<bool> judge(EpochReport& report) override;
  absl::StatusOr<Next> advance() override;
  bool judges_start() const override { return !is_adaptive(); }
  bool is_finished() const override { return is_finished_; }
  std::string summary() const override;
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;

  const std::optional<AccuracyOutcome>& best() const { return best_; }

 private:
  bool is_adaptive() const { return settings_.mode == AccuracyAwareMode::kAdaptiveCompressionLevel; }
  bool beats_best(const AccuracyOutcome& outcome) const;
  // Takes the method to the next rate that it can reach.
  absl::StatusOr<Next> move_on(bool is_within_budget);

  CompressionAlgorithm& algorithm_;
  const AccuracyAwareSettings settings_;
  const AccuracyBudget budget_;
  const int64_t epochs_;
  const EvaluateFunction evaluate_;

  RateSearch search_;
  bool searches_ = false;          // the initial phase is over
  int64_t first_epoch_ = 0;        // of the running phase: the initial one, or on a rate
  int64_t epochs_in_phase_ = 0;    // that have been judged
  std::optional<double> at_rate_;  // the greatest accuracy in this phase with the model FULLY_COMPRESSED
  std::optional<AccuracyOutcome> last_, best_;
  bool is_finished_ = false;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_ACCURACY_ACCURACY_CONTROL_H_
