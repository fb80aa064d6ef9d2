#include "training/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::training {
namespace {

absl::Status check(bool holds, const char* what, double value, const std::string& expected) {
  if (holds) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("learning rate: ", what, " is ", value, ", expected ", expected));
}

absl::Status check_options(const LearningRateOptions& options, int64_t epochs, int64_t steps_per_epoch) {
  // Comparisons are written so that a NaN fails them.
  PARE_RETURN_IF_ERROR(check(epochs >= 1, "the number of epochs", epochs, "at least 1"));
  PARE_RETURN_IF_ERROR(check(steps_per_epoch >= 1, "the number of steps an epoch", steps_per_epoch, "at least 1"));
  PARE_RETURN_IF_ERROR(
      check(options.base > 0.0 && std::isfinite(options.base), "the base rate", options.base, "a number above 0"));
  PARE_RETURN_IF_ERROR(check(options.final_fraction >= 0.0 && options.final_fraction <= 1.0, "the final fraction",
                             options.final_fraction, "a number in [0, 1]"));
  PARE_RETURN_IF_ERROR(
      check(options.power > 0.0 && std::isfinite(options.power), "the power", options.power, "a number above 0"));
  PARE_RETURN_IF_ERROR(
      check(options.gamma > 0.0 && options.gamma <= 1.0, "gamma", options.gamma, "a number in (0, 1]"));
  PARE_RETURN_IF_ERROR(check(options.warmup_epochs >= 0.0 && options.warmup_epochs <= static_cast<double>(epochs),
                             "the number of warmup epochs", options.warmup_epochs,
                             absl::StrCat("from 0 to the ", epochs, " epochs")));
  double previous = 0.0;
  for (double milestone : options.milestones) {
    PARE_RETURN_IF_ERROR(check(milestone >= previous && std::isfinite(milestone), "a milestone", milestone,
                               "epochs from 0 on, in ascending order"));
    previous = milestone;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LearningRateShape> parse_learning_rate_shape(std::string_view name) {
  for (LearningRateShape shape : {LearningRateShape::kConstant, LearningRateShape::kCosine,
                                  LearningRateShape::kPolynomial, LearningRateShape::kStep}) {
    if (name == to_string(shape)) return shape;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown learning rate schedule \"", std::string(name),
                                                 "\"; there are constant, cosine, polynomial and step"));
}

std::string to_string(LearningRateShape shape) {
  switch (shape) {
    case LearningRateShape::kConstant:
      return "constant";
    case LearningRateShape::kCosine:
      return "cosine";
    case LearningRateShape::kPolynomial:
      return "polynomial";
    case LearningRateShape::kStep:
      return "step";
  }
  return "unknown";
}

absl::StatusOr<LearningRate> LearningRate::create(const LearningRateOptions& options, int64_t epochs,
                                                  int64_t steps_per_epoch) {
  PARE_RETURN_IF_ERROR(check_options(options, epochs, steps_per_epoch));
  // More steps than anybody trains; beyond, neither the product nor the conversion below would be safe.
  constexpr int64_t kMostSteps = int64_t{1} << 52;
  LearningRate rate;
  rate.options_ = options;
  rate.total_steps_ = epochs > kMostSteps / steps_per_epoch ? kMostSteps : epochs * steps_per_epoch;
  const auto steps_of = [&](double number_of_epochs) {
    const double steps = number_of_epochs * static_cast<double>(steps_per_epoch);
    // Beyond the end there is nothing to tell apart.
    return static_cast<int64_t>(std::llround(std::min(steps, static_cast<double>(rate.total_steps_))));
  };
  rate.warmup_steps_ = steps_of(options.warmup_epochs);
  for (double milestone : options.milestones) rate.milestone_steps_.push_back(steps_of(milestone));
  return rate;
}

double LearningRate::at(int64_t step) const {
  step = std::clamp<int64_t>(step, 0, total_steps_ - 1);
  const double base = options_.base;
  if (step < warmup_steps_) {
    return base * static_cast<double>(step + 1) / static_cast<double>(warmup_steps_ + 1);
  }
  const double t = static_cast<double>(step - warmup_steps_) /
                   static_cast<double>(std::max<int64_t>(total_steps_ - warmup_steps_, 1));
  const double last = base * options_.final_fraction;
  switch (options_.shape) {
    case LearningRateShape::kConstant:
      return base;
    case LearningRateShape::kCosine:
      return last + (base - last) * (1.0 + std::cos(std::numbers::pi * t)) / 2.0;
    case LearningRateShape::kPolynomial:
      return last + (base - last) * std::pow(1.0 - t, options_.power);
    case LearningRateShape::kStep: {
      const auto passed = std::upper_bound(milestone_steps_.begin(), milestone_steps_.end(), step);
      return base * std::pow(options_.gamma, static_cast<double>(passed - milestone_steps_.begin()));
    }
  }
  return base;
}

}  // namespace pare::training
