// training/train_options.h: what a training is told; see training/trainer.h.

#ifndef PARE_TRAINING_TRAIN_OPTIONS_H_
#define PARE_TRAINING_TRAIN_OPTIONS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "data/batch.h"
#include "distributed/process_group.h"
#include "nlohmann/json.hpp"
#include "training/epoch_control.h"
#include "training/learning_rate.h"
#include "training/optimizer.h"
#include "training/progress.h"
#include "training/report.h"

namespace pare::training {

// The task's loss, a scalar, of the model's output and the batch's targets.
using TaskLoss = std::function<at::Tensor(const at::Tensor& output, const data::Batch& batch)>;

struct TrainOptions {
  int64_t epochs = 1;  // in all, those before a resume included
  OptimizerOptions optimizer;
  LearningRateOptions learning_rate;

  // Cross entropy with label smoothing, unless task_loss is set.
  double label_smoothing = 0.0;  // in [0, 1)
  TaskLoss task_loss;

  // Gradients whose norm is above it are scaled down to it; 0: as they are.
  double max_gradient_norm = 0.0;

  // From this epoch (from 0; it may be a fraction) on, batch norms train with their running statistics as they are.
  // Fine-tuning a good model for an epoch or two is better off with it from the start. Negative: never.
  double freeze_batch_norm_epoch = -1.0;

  uint64_t seed = 0;  // of LibTorch's random numbers (dropout); loaders have their own

  // Stops after so many steps in all, evaluates and writes a checkpoint. The learning rate still follows `epochs`. 0:
  // no limit.
  int64_t max_steps = 0;

  // A training of fewer epochs than the compression's schedule needs is refused, unless this is set.
  bool allow_unfinished_schedule = false;

  bool evaluate = true;    // after every epoch, if there is a loader to do it with
  std::string output_dir;  // made if it is not there (its parent must be). Empty: nothing is written
  // Goes on from the newest whole checkpoint; starts anew, with a logged line, if there is none.
  bool resume = false;
  int64_t checkpoint_every_steps =
      0;                         // in the midst of epochs as well, after so many steps each; 0: after epochs alone
  int64_t keep_checkpoints = 2;  // of different steps, the last one included; at least 1
  bool restore_best = false;     // ends with the weights of best.checkpoint (needs output_dir) instead of the last ones
  nlohmann::json config;         // what else decides the result: kept in checkpoints; resuming with another is an error

  // Where the network before compression is from, for those who load a checkpoint: kept in it, compared with nothing.
  nlohmann::json source;

  // Where several processes train one model: their group, which must outlive the training; nullptr: this one alone. The
  // loaders then give each its part of the batches (data/shard.h), and the methods know the group
  // (CreateOptions::process_group). All have the same options; process 0 reads and writes the files, reports, and has
  // its model taken by all at the start.
  ProcessGroup* process_group = nullptr;
  // Batch norms in training mode take the statistics of the whole batch (distributed/synchronized_batch_norm.h); false:
  // of this process's part, which costs no exchange.
  bool synchronize_batch_norm = true;

  // Asked after each epoch how training goes on, and which epoch is the best; must outlive the training. nullptr: all
  // epochs are trained, and the best is by its accuracy.
  EpochControl* control = nullptr;

  bool print_statistics = false;  // logs the methods' statistics as text after every epoch
  ProgressOptions progress;
  std::function<void(const StepReport&)> on_step;    // after scheduler().step()
  std::function<void(const EpochReport&)> on_epoch;  // after the epoch's checkpoint
};

// InvalidArgument for what is out of its range whatever the model and the data.
absl::Status check_train_options(const TrainOptions& options);

// Those options that decide the result, by name: a training can be resumed only with the same ones.
nlohmann::json settings_of(const TrainOptions& options);

}  // namespace pare::training

#endif  // PARE_TRAINING_TRAIN_OPTIONS_H_
