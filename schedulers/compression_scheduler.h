// schedulers/compression_scheduler.h: what a compression method does as training goes on.
//
//   class Warmup : public CompressionScheduler {
//    public:
//     void epoch_step(std::optional<int64_t> last) override {
//       CompressionScheduler::epoch_step(last);
//       strength_ = std::min(1.0, current_epoch() / 10.0);
//     }
//     ...
//   };
//
// step() is called after each iteration's optimizer step, epoch_step() after each epoch, never before: before the first
// call current_step() and current_epoch() are -1, and after it 0. `last` sets the number of the iteration or epoch that
// has just ended; without it, it is the one after the last. The base class only counts: a schedule that changes
// nothing, which is what a method that brings none gets.

#ifndef PARE_SCHEDULERS_COMPRESSION_SCHEDULER_H_
#define PARE_SCHEDULERS_COMPRESSION_SCHEDULER_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"
#include "statistics/statistics.h"

namespace pare {

class CompressionScheduler {
 public:
  virtual ~CompressionScheduler() = default;

  virtual void step(std::optional<int64_t> last = std::nullopt);
  virtual void epoch_step(std::optional<int64_t> last = std::nullopt);

  int64_t current_step() const { return step_; }    // the last iteration that has ended, -1: none
  int64_t current_epoch() const { return epoch_; }  // the last epoch that has ended, -1: none

  // How many epochs have to end until the schedule has done all that it is for; a training of fewer ends with a method
  // that is not where the config wants it. 0: it is there from the start, or goes by something else than epochs.
  virtual int64_t epochs_needed() const;

  // What the iterations to come are to multiply the trainer's learning rate and weight decay with: for methods that
  // train with other ones in the course of their schedule. 1 unless a derived class says otherwise.
  virtual double learning_rate_factor() const;
  virtual double weight_decay_factor() const;

  // What a checkpoint keeps: {"step": .., "epoch": .., and the derived class's own}. set_state() puts the schedule
  // where it was; InvalidArgument if a key is missing or of a wrong type.
  virtual nlohmann::json state() const;
  virtual absl::Status set_state(const nlohmann::json& state);

  virtual Statistics statistics() const;

 private:
  int64_t step_ = -1;
  int64_t epoch_ = -1;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_COMPRESSION_SCHEDULER_H_
