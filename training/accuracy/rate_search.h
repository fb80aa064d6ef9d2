// training/accuracy/rate_search.h: which compression rate is tried next: up while the accuracy allows it, else down, by
// a step that shrinks at each change of direction.
//
//   RateSearch search(settings);
//   search.start(0.5);                      // the rate that the last verdict was of
//   while (search.next(/*is_within_budget=*/...)) { ... train at search.rate() ... }
//
// From rate r with step s, a verdict within the budget leads to r + s, another one to r - s. Where the direction is not
// the last one, first s is multiplied by rate_step_reduction_factor and the factor on the learning rate by
// learning_rate_reduction_factor; a step below minimal_rate_step ends the search. Rates stay in [0.05, 0.95] (or go no
// further out than start()); the search also ends where it can go no further in its direction.
//
// With the defaults, from 0.5, if all rates up to 0.57 keep the accuracy: 0.6 (no), 0.55 (yes: step 0.05), 0.575 (no:
// step 0.025); the next step would be 0.0125: the end.

#ifndef PARE_TRAINING_ACCURACY_RATE_SEARCH_H_
#define PARE_TRAINING_ACCURACY_RATE_SEARCH_H_

#include "absl/status/status.h"
#include "config/accuracy_aware_settings.h"
#include "nlohmann/json.hpp"

namespace pare::training {

class RateSearch {
 public:
  static constexpr double kMinimalRate = 0.05;
  static constexpr double kMaximalRate = 0.95;

  explicit RateSearch(const AccuracyAwareSettings& settings);

  void start(double rate);
  // Moves on from the verdict on rate(). False: the search is over, and the rate is the last one that was tried.
  bool next(bool is_within_budget);

  double rate() const { return rate_; }
  double step() const { return step_; }
  double learning_rate_factor() const { return learning_rate_factor_; }
  int direction() const { return direction_; }  // of the last move: 1 up, -1 down, 0 none yet

  nlohmann::json state() const;
  // InvalidArgument if a key is missing or out of range.
  absl::Status set_state(const nlohmann::json& state);

 private:
  double step_factor_, learning_rate_reduction_, minimal_step_;
  double rate_ = 0.0;
  double lowest_ = kMinimalRate, highest_ = kMaximalRate;
  double step_;
  double learning_rate_factor_ = 1.0;
  int direction_ = 0;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_ACCURACY_RATE_SEARCH_H_
