// schedulers/exponential_with_bias_schedule.h: pruning that does most of its work early.
//
//   level = a e^(-k x) + b,   x epochs after num_init_steps, E = pruning_steps - 1,
//
// with a, b and k such that the level is `initial` at 0, `target` at E, and three quarters of the target at E / 8; 0
// before, and frozen after pruning_steps epochs. (He et al., "Asymptotic Soft Filter Pruning", 2018, section III.)
//
// With u = e^(-k E / 8) the three conditions come down to one equation,
//
//   1 + u + ... + u^7 = (target - initial) / (3/4 target - initial),
//
// whose left side grows with u: it has exactly one solution u > 0 when initial < 3/4 target, and otherwise none, which
// is an error (unless initial == target: a constant). u == 1 is the straight line between the ends.

#ifndef PARE_SCHEDULERS_EXPONENTIAL_WITH_BIAS_SCHEDULE_H_
#define PARE_SCHEDULERS_EXPONENTIAL_WITH_BIAS_SCHEDULE_H_

#include <memory>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/pruning_options.h"

namespace pare {

class ExponentialWithBiasSchedule : public LevelSchedule {
 public:
  // initial < 3/4 target, or initial == target.
  explicit ExponentialWithBiasSchedule(const PruningOptions& options);
  static std::unique_ptr<ExponentialWithBiasSchedule> read(config::ObjectReader& params, double initial);

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return options_.last_epoch_of_rise(); }

 private:
  PruningOptions options_;
  double u_ = 1.0;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_EXPONENTIAL_WITH_BIAS_SCHEDULE_H_
