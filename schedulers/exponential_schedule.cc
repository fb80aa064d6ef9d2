#include "schedulers/exponential_schedule.h"

#include <algorithm>
#include <cmath>

namespace pare {

double exponential_level(double initial, double target, double p) {
  const double density = (1 - initial) * std::pow((1 - target) / (1 - initial), p);
  return std::min(1 - density, target);
}

std::unique_ptr<ExponentialSchedule> ExponentialSchedule::read(config::ObjectReader& params, double initial) {
  const SparsityOptions options = read_sparsity_options(params, initial);
  if (options.target >= 1) params.fail("sparsity_target", "the exponential schedule reaches no 1; expected less");
  if (initial >= 1) params.fail("sparsity_target", "the exponential schedule cannot start from a sparsity of 1");
  return std::make_unique<ExponentialSchedule>(options);
}

double ExponentialSchedule::level_at(double epochs) const {
  return exponential_level(options_.initial, options_.target, options_.progress(epochs));
}

}  // namespace pare
