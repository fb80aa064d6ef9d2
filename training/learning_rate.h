// training/learning_rate.h: the learning rate of each training step.
//
//   PARE_ASSIGN_OR_RETURN(LearningRate rate, LearningRate::create({.shape = LearningRateShape::kCosine, .base = 0.1,
//                                                                  .warmup_epochs = 1}, /*epochs=*/30,
//                                                                 /*steps_per_epoch=*/157));
//   rate.at(0);  // of the first step
//
// With t = (step - warmup) / (total - warmup), in [0, 1), and `final` = base * final_fraction:
//   constant    base
//   cosine      final + (base - final) (1 + cos(pi t)) / 2        (Loshchilov and Hutter 2017, without restarts)
//   polynomial  final + (base - final) (1 - t)^power
//   step        base * gamma^(number of milestones that have passed)
// During warmup the rate rises linearly from base / (warmup + 1) to where the shape begins (Goyal et al. 2017): step s
// of w gives base (s + 1) / (w + 1). It is a function of the step alone: a resumed training needs no state of it.

#ifndef PARE_TRAINING_LEARNING_RATE_H_
#define PARE_TRAINING_LEARNING_RATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pare::training {

enum class LearningRateShape { kConstant, kCosine, kPolynomial, kStep };

// "constant", "cosine", "polynomial", "step". InvalidArgument, with the choices, for another name.
absl::StatusOr<LearningRateShape> parse_learning_rate_shape(std::string_view name);
std::string to_string(LearningRateShape shape);

struct LearningRateOptions {
  LearningRateShape shape = LearningRateShape::kCosine;
  double base = 0.01;              // > 0
  double final_fraction = 0.0;     // in [0, 1]; cosine and polynomial
  double power = 1.0;              // > 0; polynomial
  std::vector<double> milestones;  // step: in epochs, ascending
  double gamma = 0.1;              // step: in (0, 1]
  double warmup_epochs = 0.0;      // in [0, epochs]
};

class LearningRate {
 public:
  // InvalidArgument if a field is out of its range, a NaN included, or epochs or steps_per_epoch is below 1.
  static absl::StatusOr<LearningRate> create(const LearningRateOptions& options, int64_t epochs,
                                             int64_t steps_per_epoch);

  // The rate of step number `step`, from 0. Steps beyond the last keep its rate.
  double at(int64_t step) const;

 private:
  LearningRate() = default;
  LearningRateOptions options_;
  int64_t total_steps_ = 1;
  int64_t warmup_steps_ = 0;
  std::vector<int64_t> milestone_steps_;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_LEARNING_RATE_H_
