// training/accuracy/accuracy_budget.h: the least accuracy that a compressed model may have.
//
//   PARE_ASSIGN_OR_RETURN(AccuracyBudget budget, AccuracyBudget::create(settings, /*uncompressed_accuracy=*/0.92));
//   budget.least();          // 0.9108 at a relative degradation of 1 percent
//   budget.allows(0.915);    // true
//   budget.left(0.915);      // 0.0042
//
// Accuracies are in the metric's own unit, greater is better. With u the uncompressed one's, the least is
// u - |u| relative / 100, or u - absolute where the settings have that.

#ifndef PARE_TRAINING_ACCURACY_ACCURACY_BUDGET_H_
#define PARE_TRAINING_ACCURACY_ACCURACY_BUDGET_H_

#include "absl/status/statusor.h"
#include "config/accuracy_aware_settings.h"

namespace pare::training {

class AccuracyBudget {
 public:
  // InvalidArgument if the accuracy is not finite, or if an accuracy of 0 would be allowed where the uncompressed
  // model's is above it: a budget in another unit (percent, of a share) would be met by any model.
  static absl::StatusOr<AccuracyBudget> create(const AccuracyAwareSettings& settings, double uncompressed_accuracy);

  double uncompressed() const { return uncompressed_; }
  double least() const { return least_; }
  double drop(double accuracy) const { return uncompressed_ - accuracy; }
  double left(double accuracy) const { return accuracy - least_; }  // negative: by how much the budget is missed
  bool allows(double accuracy) const;                               // up to rounding

 private:
  AccuracyBudget() = default;
  double uncompressed_ = 0.0, least_ = 0.0;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_ACCURACY_ACCURACY_BUDGET_H_
