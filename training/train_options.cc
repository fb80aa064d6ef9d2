#include "training/train_options.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::training {

absl::Status check_train_options(const TrainOptions& options) {
  // Comparisons are written so that a NaN fails them.
  if (!(options.label_smoothing >= 0.0 && options.label_smoothing < 1.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the label smoothing is ", options.label_smoothing, ", expected a number in [0, 1)"));
  }
  if (!(options.max_gradient_norm >= 0.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the maximal gradient norm is ", options.max_gradient_norm, ", expected a number of at least 0"));
  }
  if (options.max_steps < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the maximal number of steps is ", options.max_steps, ", expected 0 (no limit) or more"));
  }
  if (options.checkpoint_every_steps < 0) {
    return absl::InvalidArgumentError(absl::StrCat("checkpoints are to be written every ",
                                                   options.checkpoint_every_steps,
                                                   " steps, expected 0 (after epochs alone) or more"));
  }
  if (options.keep_checkpoints < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number of checkpoints to keep is ", options.keep_checkpoints, ", expected 1 or more"));
  }
  if (options.resume && options.output_dir.empty()) {
    return absl::InvalidArgumentError("resuming needs an output folder: that of the training to go on with");
  }
  PARE_RETURN_IF_ERROR(LearningRate::create(options.learning_rate, options.epochs, /*steps_per_epoch=*/1).status());
  return check_optimizer_options(options.optimizer);
}

nlohmann::json settings_of(const TrainOptions& options) {
  const LearningRateOptions& rate = options.learning_rate;
  const OptimizerOptions& optimizer = options.optimizer;
  return {{"epochs", options.epochs},
          {"seed", options.seed},
          {"learning_rate",
           {{"base", rate.base},
            {"schedule", to_string(rate.shape)},
            {"final_fraction", rate.final_fraction},
            {"power", rate.power},
            {"milestones", rate.milestones},
            {"gamma", rate.gamma},
            {"warmup_epochs", rate.warmup_epochs}}},
          {"optimizer",
           {{"kind", to_string(optimizer.kind)},
            {"weight_decay", optimizer.weight_decay},
            {"decay_norms_and_biases", optimizer.decay_norms_and_biases},
            {"momentum", optimizer.momentum},
            {"nesterov", optimizer.nesterov},
            {"beta1", optimizer.beta1},
            {"beta2", optimizer.beta2},
            {"epsilon", optimizer.epsilon}}},
          // Two functions cannot be compared; whether there is one can.
          {"task_loss", options.task_loss ? "its own" : "cross entropy"},
          {"label_smoothing", options.label_smoothing},
          {"max_gradient_norm", options.max_gradient_norm},
          {"freeze_batch_norm_epoch", options.freeze_batch_norm_epoch}};
}

}  // namespace pare::training
