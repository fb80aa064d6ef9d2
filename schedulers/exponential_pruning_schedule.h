// schedulers/exponential_pruning_schedule.h: pruning under which the density decays exponentially.
//
// As exponential_schedule.h, over pruning_steps - 1 epochs that start when num_init_steps epochs have ended, so that
// the last of the pruning_steps epochs has the target; 0 before them, and frozen after them.

#ifndef PARE_SCHEDULERS_EXPONENTIAL_PRUNING_SCHEDULE_H_
#define PARE_SCHEDULERS_EXPONENTIAL_PRUNING_SCHEDULE_H_

#include <memory>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/pruning_options.h"

namespace pare {

class ExponentialPruningSchedule : public LevelSchedule {
 public:
  explicit ExponentialPruningSchedule(const PruningOptions& options)
      : LevelSchedule({.freeze_epoch = options.freeze_epoch()}), options_(options) {}
  static std::unique_ptr<ExponentialPruningSchedule> read(config::ObjectReader& params, double initial);

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return options_.last_epoch_of_rise(); }

 private:
  PruningOptions options_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_EXPONENTIAL_PRUNING_SCHEDULE_H_
