#include "training/accuracy/accuracy_budget.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace pare::training {

absl::StatusOr<AccuracyBudget> AccuracyBudget::create(const AccuracyAwareSettings& settings,
                                                      double uncompressed_accuracy) {
  if (!std::isfinite(uncompressed_accuracy)) {
    return absl::InvalidArgumentError(absl::StrCat("the uncompressed model's accuracy is ", uncompressed_accuracy,
                                                   ", expected a finite number: measure it before compression"));
  }
  AccuracyBudget budget;
  budget.uncompressed_ = uncompressed_accuracy;
  const double degradation = settings.maximal_absolute_degradation.value_or(
      std::abs(uncompressed_accuracy) * settings.maximal_relative_degradation / 100.0);
  budget.least_ = uncompressed_accuracy - degradation;
  if (uncompressed_accuracy > 0 && budget.least_ <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the accuracy budget of ", degradation,
                     " allows any model, since the uncompressed one's accuracy is ", uncompressed_accuracy,
                     "; expected a smaller one: maximal_absolute_accuracy_degradation is in the metric's own unit (of "
                     "a top-1 from 0 "
                     "to 1, one point is 0.01), maximal_relative_accuracy_degradation in percent"));
  }
  return budget;
}

bool AccuracyBudget::allows(double accuracy) const {
  constexpr double kRounding = 1e-12;
  return accuracy >= least_ - kRounding * std::max(1.0, std::abs(uncompressed_));
}

}  // namespace pare::training
