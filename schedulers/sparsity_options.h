// schedulers/sparsity_options.h: what the schedules of sparsity read from a config's "params".
//
//   config::ObjectReader params(algorithm.object["params"], path);
//   const SparsityOptions options = read_sparsity_options(params, /*initial=*/0.1);
//
// Keys: sparsity_target (0.5), sparsity_target_epoch (90), sparsity_freeze_epoch (100), update_per_optimizer_step
// (false), steps_per_epoch. The keys of the single schedules (power, concave, patience, step, eps, multistep_steps,
// multistep_sparsity_levels) are let pass whichever schedule is chosen, since configs carry them along.

#ifndef PARE_SCHEDULERS_SPARSITY_OPTIONS_H_
#define PARE_SCHEDULERS_SPARSITY_OPTIONS_H_

#include <cstdint>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"

namespace pare {

struct SparsityOptions {
  double initial = 0.0;  // in [0, 1)
  double target = 0.5;   // in [0, 1)
  int64_t target_epoch = 90;
  int64_t freeze_epoch = 100;
  bool update_per_step = false;
  int64_t steps_per_epoch = 0;

  LevelScheduleOptions level_options() const { return {freeze_epoch, update_per_step, steps_per_epoch}; }
  // clip(epochs / target_epoch, 0, 1); 1 if target_epoch is 0.
  double progress(double epochs) const;
};

// Mistakes go to the reader; a level outside [0, 1) is one: at 1 nothing would be left.
SparsityOptions read_sparsity_options(config::ObjectReader& params, double initial);

}  // namespace pare

#endif  // PARE_SCHEDULERS_SPARSITY_OPTIONS_H_
