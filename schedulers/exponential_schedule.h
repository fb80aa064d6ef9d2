// schedulers/exponential_schedule.h: sparsity under which the density decays exponentially.
//
//   density = (1 - initial) ((1 - target) / (1 - initial))^p       p = epochs / target_epoch, in [0, 1]
//   level   = min(1 - density, target)
//
// Each epoch takes away the same share of the weights that are left. Keys: those of sparsity_options.h; the target is
// below 1, which no decay reaches.

#ifndef PARE_SCHEDULERS_EXPONENTIAL_SCHEDULE_H_
#define PARE_SCHEDULERS_EXPONENTIAL_SCHEDULE_H_

#include <algorithm>
#include <cstdint>
#include <memory>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/sparsity_options.h"

namespace pare {

// The formula above; initial and target in [0, 1).
double exponential_level(double initial, double target, double p);

class ExponentialSchedule : public LevelSchedule {
 public:
  explicit ExponentialSchedule(const SparsityOptions& options)
      : LevelSchedule(options.level_options()), options_(options) {}
  static std::unique_ptr<ExponentialSchedule> read(config::ObjectReader& params, double initial);

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return std::min(options_.target_epoch, options_.freeze_epoch); }

 private:
  SparsityOptions options_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_EXPONENTIAL_SCHEDULE_H_
