// schedulers/adaptive_schedule.h: sparsity that grows as fast as training follows.
//
// For methods that learn their masks (regularization-based sparsity): the level rises by `step` once the sparsity that
// the model really has, as the method's loss sees it, has been at least level - eps at the end of `patience` epochs
// since the last rise, and never beyond the target. Keys: those of sparsity_options.h (the target's epoch has no
// meaning here), patience (1), step (0.05) and eps (0.03).

#ifndef PARE_SCHEDULERS_ADAPTIVE_SCHEDULE_H_
#define PARE_SCHEDULERS_ADAPTIVE_SCHEDULE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/sparsity_options.h"

namespace pare {

struct AdaptiveOptions {
  int64_t patience = 1;
  double step = 0.05;
  double eps = 0.03;
};

class AdaptiveSchedule : public LevelSchedule {
 public:
  // `current_sparsity` gives the sparsity that the model has, in [0, 1].
  AdaptiveSchedule(const SparsityOptions& options, AdaptiveOptions adaptive, std::function<double()> current_sparsity);
  // FailedPrecondition, through the reader, if there is no `current_sparsity`.
  static std::unique_ptr<AdaptiveSchedule> read(config::ObjectReader& params, double initial,
                                                std::function<double()> current_sparsity);

  void epoch_step(std::optional<int64_t> last = std::nullopt) override;
  // The level as it is now, whatever the epoch.
  double level_at(double epochs) const override;

  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;

 protected:
  double scheduled_target() const override { return options_.target; }

 private:
  SparsityOptions options_;
  AdaptiveOptions adaptive_;
  std::function<double()> current_sparsity_;
  double level_;
  int64_t epochs_on_level_ = 0;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_ADAPTIVE_SCHEDULE_H_
