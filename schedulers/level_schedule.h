// schedulers/level_schedule.h: a schedule of one number from 0 to 1: how sparse, or how far pruned, the model is to be.
//
//   class Linear : public LevelSchedule {
//    public:
//     Linear() : LevelSchedule({.freeze_epoch = 10}) {}
//     double level_at(double epochs) const override { return std::min(1.0, epochs / 10); }
//   };
//
// level() is what the iterations to come are to have: before the first call of epoch_step() level_at(0), after it
// level_at(1), and so on. So the epoch of a formula is the number of epochs that have ended, which is the number, from
// 0, of the epoch that is about to be trained. With update_per_step, the part of the running epoch counts as well.
//
// From `freeze_epoch` on the level stays what it was there, and a method leaves its masks as they are. hold() takes the
// level out of the schedule's hands: the method follows it once, then and there, and nothing is frozen any more; epochs
// and steps are still counted.

#ifndef PARE_SCHEDULERS_LEVEL_SCHEDULE_H_
#define PARE_SCHEDULERS_LEVEL_SCHEDULE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"
#include "schedulers/compression_scheduler.h"
#include "statistics/statistics.h"

namespace pare {

struct LevelScheduleOptions {
  int64_t freeze_epoch = std::numeric_limits<int64_t>::max();
  bool update_per_step = false;
  // Matters with update_per_step alone. 0: counted in the first epoch, through which the level stays at level_at(0).
  int64_t steps_per_epoch = 0;
};

class LevelSchedule : public CompressionScheduler {
 public:
  explicit LevelSchedule(LevelScheduleOptions options) : options_(options) {}

  void step(std::optional<int64_t> last = std::nullopt) override;
  void epoch_step(std::optional<int64_t> last = std::nullopt) override;

  // The level after `epochs` >= 0 epochs, before freezing and clipping to [0, 1].
  virtual double level_at(double epochs) const = 0;

  double level() const;
  // The level at which it ends: the held one, else the schedule's own.
  double target() const { return held_ ? *held_ : scheduled_target(); }
  bool is_frozen() const { return !held_ && epochs_ended() >= options_.freeze_epoch; }

  // Holds `level`, in [0, 1], from now on and tells the listener.
  void hold(double level);
  const std::optional<double>& held() const { return held_; }

  // Called after each epoch, and with update_per_step after each step, for the method to follow the level; the last
  // time when the schedule has become frozen.
  void set_listener(std::function<void(const LevelSchedule&)> listener) { listener_ = std::move(listener); }

  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;
  Statistics statistics() const override;  // "level" and "frozen"

 protected:
  // After epochs_needed() epochs, or where it is frozen before.
  virtual double scheduled_target() const;
  int64_t freeze_epoch() const { return options_.freeze_epoch; }
  int64_t epochs_ended() const { return current_epoch() + 1; }
  // Where level() takes level_at(): the epochs that have ended, with update_per_step the part of the running one, too.
  double position() const;

 private:
  LevelScheduleOptions options_;
  int64_t last_step_of_ended_epochs_ = -1;
  std::optional<double> held_;
  std::function<void(const LevelSchedule&)> listener_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_LEVEL_SCHEDULE_H_
