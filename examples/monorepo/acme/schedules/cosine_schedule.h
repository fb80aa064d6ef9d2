// acme/schedules/cosine_schedule.h: the schedule "acme_cosine" of the family "acme": from 0 to 1 along half a wave.
//
//   {"schedule": "acme_cosine", "ramp_epochs": 4}
//
//   level = (1 - cos(pi * min(1, epochs / ramp_epochs))) / 2

#ifndef ACME_SCHEDULES_COSINE_SCHEDULE_H_
#define ACME_SCHEDULES_COSINE_SCHEDULE_H_

#include <cstdint>

#include "schedulers/level_schedule.h"

namespace acme {

class CosineSchedule : public pare::LevelSchedule {
 public:
  // ramp_epochs >= 1.
  explicit CosineSchedule(int64_t ramp_epochs) : LevelSchedule({}), ramp_epochs_(ramp_epochs) {}

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return ramp_epochs_; }

 private:
  int64_t ramp_epochs_;
};

}  // namespace acme

#endif  // ACME_SCHEDULES_COSINE_SCHEDULE_H_
