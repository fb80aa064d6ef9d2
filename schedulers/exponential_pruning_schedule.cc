#include "schedulers/exponential_pruning_schedule.h"

#include <algorithm>

#include "schedulers/exponential_schedule.h"

namespace pare {

std::unique_ptr<ExponentialPruningSchedule> ExponentialPruningSchedule::read(config::ObjectReader& params,
                                                                             double initial) {
  return std::make_unique<ExponentialPruningSchedule>(read_pruning_options(params, initial));
}

double ExponentialPruningSchedule::level_at(double epochs) const {
  const double pruned = epochs - static_cast<double>(options_.num_init_steps);
  if (pruned < 0) return 0.0;
  const double duration = static_cast<double>(options_.pruning_steps - 1);
  return exponential_level(options_.initial, options_.target, duration > 0 ? std::min(pruned / duration, 1.0) : 1.0);
}

}  // namespace pare
