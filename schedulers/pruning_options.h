// schedulers/pruning_options.h: what the schedules of pruning read from a config's "params".
//
// Keys: pruning_target (0.5) or pruning_flops_target, not both; num_init_steps (0), epochs at level 0 before pruning
// starts; pruning_steps (100), epochs that pruning takes.

#ifndef PARE_SCHEDULERS_PRUNING_OPTIONS_H_
#define PARE_SCHEDULERS_PRUNING_OPTIONS_H_

#include <cstdint>

#include "config/object_reader.h"

namespace pare {

struct PruningOptions {
  double initial = 0.0;          // in [0, 1)
  double target = 0.5;           // in [0, 1)
  bool target_is_flops = false;  // the target is a share of the FLOPs, else of the filters
  int64_t num_init_steps = 0;
  int64_t pruning_steps = 100;

  // After so many epochs the level is the target.
  int64_t last_epoch_of_rise() const { return num_init_steps + (pruning_steps > 0 ? pruning_steps - 1 : 0); }
  // From this epoch on the level and the masks stay as they are.
  int64_t freeze_epoch() const { return num_init_steps + pruning_steps; }
};

// Mistakes go to the reader.
PruningOptions read_pruning_options(config::ObjectReader& params, double initial);

}  // namespace pare

#endif  // PARE_SCHEDULERS_PRUNING_OPTIONS_H_
