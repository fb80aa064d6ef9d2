#include "schedulers/exponential_with_bias_schedule.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace pare {

namespace {

constexpr double kEarly = 0.75;    // the share of the target that is reached early,
constexpr int kEarlyFraction = 8;  // after this fraction of the time

bool is_solvable(const PruningOptions& options) {
  return options.initial == options.target || options.initial < kEarly * options.target;
}

double geometric_sum(double u) {
  double sum = 0;
  for (int i = 0; i < kEarlyFraction; ++i) sum = sum * u + 1;
  return sum;
}

// u > 0 with geometric_sum(u) == sum > 1, by bisection.
double solve_geometric_sum(double sum) {
  double low = 0, high = 1;
  while (geometric_sum(high) < sum) high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (geometric_sum(middle) < sum ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

ExponentialWithBiasSchedule::ExponentialWithBiasSchedule(const PruningOptions& options)
    : LevelSchedule({.freeze_epoch = options.freeze_epoch()}), options_(options) {
  if (options.initial == options.target || !is_solvable(options)) return;
  u_ = solve_geometric_sum((options.target - options.initial) / (kEarly * options.target - options.initial));
}

std::unique_ptr<ExponentialWithBiasSchedule> ExponentialWithBiasSchedule::read(config::ObjectReader& params,
                                                                               double initial) {
  const PruningOptions options = read_pruning_options(params, initial);
  if (!is_solvable(options)) {
    params.fail(options.target_is_flops ? "pruning_flops_target" : "pruning_target",
                absl::StrCat("the schedule exponential_with_bias needs an initial level below three quarters of the "
                             "target, found ",
                             initial, " and ", options.target));
  }
  return std::make_unique<ExponentialWithBiasSchedule>(options);
}

double ExponentialWithBiasSchedule::level_at(double epochs) const {
  const double x = epochs - static_cast<double>(options_.num_init_steps);
  if (x < 0) return 0.0;
  const double duration = static_cast<double>(options_.pruning_steps - 1);
  const double progress = duration > 0 ? std::min(x / duration, 1.0) : 1.0;
  // (1 - u^(8 progress)) / (1 - u^8), whose limit for u -> 1 is progress.
  const double log_u = kEarlyFraction * std::log(u_);
  const double share = std::abs(log_u) < 1e-9 ? progress : std::expm1(log_u * progress) / std::expm1(log_u);
  return options_.initial + (options_.target - options_.initial) * share;
}

}  // namespace pare
