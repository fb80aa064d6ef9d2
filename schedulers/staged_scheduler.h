// schedulers/staged_scheduler.h: quantizes activations and weights from certain epochs of training on.
//
//   "params": {"activations_quant_start_epoch": 1, "weights_quant_start_epoch": 2,
//              "lr_poly_drop_start_epoch": 10, "lr_poly_drop_duration_epochs": 30, "disable_wd_start_epoch": 10}
//
// Epochs count from 0: a start epoch of 1 is one epoch of training without. epoch_step() is called when an epoch has
// ended and prepares the next. At each switch ranges are initialised again, since training has moved the values.
// The trainer multiplies its learning rate and weight decay with learning_rate_factor() and weight_decay_factor().
//
// In NNCF, "base_lr" and "base_wd" seed the optimizer, and "batch_multiplier" has its script add up the gradients of so
// many batches. Here the base is the trainer's own (--learning_rate, --weight_decay), and so is the batch: these keys
// are accepted, and a logged line says that they have no effect.

#ifndef PARE_SCHEDULERS_STAGED_SCHEDULER_H_
#define PARE_SCHEDULERS_STAGED_SCHEDULER_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "config/object_reader.h"
#include "nlohmann/json_fwd.hpp"
#include "schedulers/compression_scheduler.h"

namespace pare {

struct StagedParams {
  int64_t activations_quant_start_epoch = 1;
  int64_t weights_quant_start_epoch = 1;
  std::optional<double> lr_poly_drop_start_epoch;
  double lr_poly_drop_duration_epochs = 30;
  std::optional<int64_t> disable_wd_start_epoch;
  double base_lr = 1e-3;
  double base_wd = 1e-5;
  double batch_multiplier = 1;

  // Reads the object "params"; its mistakes are kept in the reader.
  static StagedParams read(config::ObjectReader& params);
};

class StagedScheduler : public CompressionScheduler {
 public:
  // `apply` turns the quantizers of each kind on or off.
  // `on_switch` is called after `apply` when one of them has been turned on in the course of training.
  using Apply = std::function<void(bool weights, bool activations)>;
  StagedScheduler(StagedParams params, Apply apply, std::function<void()> on_switch);

  void epoch_step(std::optional<int64_t> last = std::nullopt) override;
  // Turns quantizers on and off as they were, and initialises nothing.
  absl::Status set_state(const nlohmann::json& state) override;
  Statistics statistics() const override;

  int64_t epochs_needed() const override {
    return std::max<int64_t>({params_.weights_quant_start_epoch, params_.activations_quant_start_epoch, 0});
  }

  const StagedParams& params() const { return params_; }
  // In the epoch that comes next.
  int64_t next_epoch() const { return current_epoch() + 1; }
  bool weights_are_quantized() const { return next_epoch() >= params_.weights_quant_start_epoch; }
  bool activations_are_quantized() const { return next_epoch() >= params_.activations_quant_start_epoch; }

  // 1 before lr_poly_drop_start_epoch; from there (1 - epochs since / duration)^2.1; after the duration 0.
  double learning_rate_factor() const override;
  // 0 from disable_wd_start_epoch on, else 1.
  double weight_decay_factor() const override;

 private:
  StagedParams params_;
  Apply apply_;
  std::function<void()> on_switch_;
};

}  // namespace pare

#endif  // PARE_SCHEDULERS_STAGED_SCHEDULER_H_
