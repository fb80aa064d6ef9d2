// schedulers/baseline_schedule.h: pruning at once: level 0 until num_init_steps epochs have ended, then the target, and
// frozen.

#ifndef PARE_SCHEDULERS_BASELINE_SCHEDULE_H_
#define PARE_SCHEDULERS_BASELINE_SCHEDULE_H_

#include <memory>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/pruning_options.h"

namespace pare {

class BaselineSchedule : public LevelSchedule {
 public:
  explicit BaselineSchedule(const PruningOptions& options)
      : LevelSchedule({.freeze_epoch = options.num_init_steps}), options_(options) {}
  static std::unique_ptr<BaselineSchedule> read(config::ObjectReader& params, double initial);

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return options_.num_init_steps; }

 private:
  PruningOptions options_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_BASELINE_SCHEDULE_H_
