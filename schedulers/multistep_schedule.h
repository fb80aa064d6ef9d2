// schedulers/multistep_schedule.h: sparsity in steps.
//
//   level = levels[how many of `steps` are <= epochs]
//
// Keys: those of sparsity_options.h, of which only freezing matters, multistep_steps ([90]), epochs in rising order,
// and multistep_sparsity_levels ([0.1, 0.5]), one more than steps.

#ifndef PARE_SCHEDULERS_MULTISTEP_SCHEDULE_H_
#define PARE_SCHEDULERS_MULTISTEP_SCHEDULE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/sparsity_options.h"

namespace pare {

class MultistepSchedule : public LevelSchedule {
 public:
  // levels.size() == steps.size() + 1, steps in rising order.
  MultistepSchedule(const SparsityOptions& options, std::vector<int64_t> steps, std::vector<double> levels)
      : LevelSchedule(options.level_options()), steps_(std::move(steps)), levels_(std::move(levels)) {}
  static std::unique_ptr<MultistepSchedule> read(config::ObjectReader& params, double initial);

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return steps_.empty() ? 0 : std::min(steps_.back(), freeze_epoch()); }

 private:
  std::vector<int64_t> steps_;
  std::vector<double> levels_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_MULTISTEP_SCHEDULE_H_
