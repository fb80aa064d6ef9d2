// schedulers/polynomial_schedule.h: sparsity that grows along a polynomial.
//
//   concave (the default): level = target - (target - initial) (1 - p)^power
//   convex:                level = initial + (target - initial) p^power        p = epochs / target_epoch, in [0, 1]
//
// Concave rises fast at first, while there is most to take away. Keys: those of sparsity_options.h, power (0.9, above
// 0) and concave (true). Source: Zhu and Gupta, "To prune, or not to prune" (2017), equation 1, whose power is 3.

#ifndef PARE_SCHEDULERS_POLYNOMIAL_SCHEDULE_H_
#define PARE_SCHEDULERS_POLYNOMIAL_SCHEDULE_H_

#include <algorithm>
#include <cstdint>
#include <memory>

#include "config/object_reader.h"
#include "schedulers/level_schedule.h"
#include "schedulers/sparsity_options.h"

namespace pare {

class PolynomialSchedule : public LevelSchedule {
 public:
  PolynomialSchedule(const SparsityOptions& options, double power = 0.9, bool concave = true)
      : LevelSchedule(options.level_options()), options_(options), power_(power), concave_(concave) {}
  static std::unique_ptr<PolynomialSchedule> read(config::ObjectReader& params, double initial);

  double level_at(double epochs) const override;
  int64_t epochs_needed() const override { return std::min(options_.target_epoch, options_.freeze_epoch); }

 private:
  SparsityOptions options_;
  double power_;
  bool concave_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_POLYNOMIAL_SCHEDULE_H_
