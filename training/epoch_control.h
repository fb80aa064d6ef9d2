// training/epoch_control.h: what decides after each epoch how a training goes on.
//
//   class Patient : public EpochControl {
//    public:
//     LearningRateCycle cycle() const override { return {.epochs = 100}; }
//     absl::StatusOr<bool> judge(EpochReport& report) override {
//       is_better_ = report.evaluation->loss < best_;
//       if (is_better_) best_ = report.evaluation->loss;
//       return is_better_;
//     }
//     absl::StatusOr<Next> advance() override { return is_better_ ? Next::kGoOn : Next::kStop; }
//     ...
//   };
//   options.control = &patient;
//
// For each epoch the trainer calls, once the epoch has ended and, where there is a loader for it, has been evaluated:
// judge(), writes best.checkpoint if this is the best epoch so far, calls advance(), and writes last.checkpoint, with
// state(). advance() may change the model or its methods: what judge() saw is what best.checkpoint holds.

#ifndef PARE_TRAINING_EPOCH_CONTROL_H_
#define PARE_TRAINING_EPOCH_CONTROL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "training/report.h"

namespace pare::training {

// What the schedule of the learning rate is spread over.
struct LearningRateCycle {
  int64_t first_epoch = 0;  // from 0
  int64_t epochs = 1;       // >= 1; beyond them the rate stays as it was in the last step
  double factor = 1.0;      // on all rates
};

class EpochControl {
 public:
  enum class Next {
    kGoOn,
    kNewCycle,  // with a new optimizer, and the learning rate by what cycle() now says
    kStop,
  };

  virtual ~EpochControl() = default;

  virtual LearningRateCycle cycle() const = 0;
  // Whether this epoch is the best so far; the model is in evaluation mode. It may add to the report.
  virtual absl::StatusOr<bool> judge(EpochReport& report) = 0;
  virtual absl::StatusOr<Next> advance() = 0;
  // Whether the untrained model is evaluated and judged, too, as epoch -1.
  virtual bool judges_start() const { return false; }
  // Whether advance() has said kStop, before a resume included.
  virtual bool is_finished() const = 0;
  // Of the last judge(), for the epoch's log line: empty, or beginning with ", ".
  virtual std::string summary() const { return ""; }

  // What a checkpoint keeps. set_state(): InvalidArgument if it is damaged or of another control.
  virtual nlohmann::json state() const = 0;
  virtual absl::Status set_state(const nlohmann::json& state) = 0;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_EPOCH_CONTROL_H_
