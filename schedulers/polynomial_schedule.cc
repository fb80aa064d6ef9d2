#include "schedulers/polynomial_schedule.h"

#include <cmath>

namespace pare {

std::unique_ptr<PolynomialSchedule> PolynomialSchedule::read(config::ObjectReader& params, double initial) {
  const SparsityOptions options = read_sparsity_options(params, initial);
  const double power = params.number("power", 0.9, {.min = 0});
  if (power == 0) params.fail("power", "expected a number above 0, found 0");
  const bool concave = params.boolean("concave", true);
  return std::make_unique<PolynomialSchedule>(options, power, concave);
}

double PolynomialSchedule::level_at(double epochs) const {
  const double p = options_.progress(epochs);
  const double rise = options_.target - options_.initial;
  return concave_ ? options_.target - rise * std::pow(1 - p, power_) : options_.initial + rise * std::pow(p, power_);
}

}  // namespace pare
