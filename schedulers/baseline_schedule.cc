#include "schedulers/baseline_schedule.h"

namespace pare {

std::unique_ptr<BaselineSchedule> BaselineSchedule::read(config::ObjectReader& params, double initial) {
  return std::make_unique<BaselineSchedule>(read_pruning_options(params, initial));
}

double BaselineSchedule::level_at(double epochs) const {
  return epochs < static_cast<double>(options_.num_init_steps) ? 0.0 : options_.target;
}

}  // namespace pare
