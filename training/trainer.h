// training/trainer.h: the training loop: task loss and compression, evaluation, checkpoints.
//
//   TrainOptions options;
//   options.epochs = 3;
//   options.learning_rate.base = 0.01;
//   options.output_dir = "out";
//   Trainer trainer(*algorithm, train_loader, &test_loader, options);   // of create_compressed_model(), initialized
//   PARE_ASSIGN_OR_RETURN(TrainResult result, trainer.run());
//   PARE_RETURN_IF_ERROR(algorithm->export_model("out/model.onnx"));
//
// An iteration: model forward, task loss + algorithm.loss().forward(), backward, optimizer step, scheduler().step(); an
// epoch: its iterations, scheduler().epoch_step(), statistics, evaluation, checkpoints. In `output_dir`:
//   last.checkpoint   after every epoch and when interrupted: what `resume` goes on from, bit for bit
//   best.checkpoint   of the epoch with the best accuracy among those of the furthest compression stage
//   metrics.jsonl     one JSON object an epoch: losses, accuracies, learning rate, time, the methods' statistics
// Files are written whole or not at all, and never of a model that holds a NaN.

#ifndef PARE_TRAINING_TRAINER_H_
#define PARE_TRAINING_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "data/data_loader.h"
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

  bool evaluate = true;       // after every epoch, if there is a loader to do it with
  std::string output_dir;     // made if it is not there (its parent must be). Empty: nothing is written
  bool resume = false;        // goes on from last.checkpoint; starts anew, with a logged line, if there is none
  bool restore_best = false;  // ends with the weights of best.checkpoint (needs output_dir) instead of the last ones
  nlohmann::json config;      // kept in checkpoints; resuming with another one is an error

  bool print_statistics = false;  // logs the methods' statistics as text after every epoch
  ProgressOptions progress;
  std::function<void(const StepReport&)> on_step;    // after scheduler().step()
  std::function<void(const EpochReport&)> on_epoch;  // after the epoch's checkpoint
};

struct TrainResult {
  std::vector<EpochReport> epochs;  // of this run; a resumed one does not repeat those before
  int64_t steps = 0;                // since the start, those before a resume included
  std::optional<EvaluationResult> last;
  std::optional<EvaluationResult> best;
  int64_t best_epoch = -1;
};

class Trainer {
 public:
  // All must outlive the trainer. `eval_loader` may be nullptr: no evaluation, no best checkpoint.
  Trainer(CompressionAlgorithm& algorithm, data::DataLoader& train_loader, data::DataLoader* eval_loader,
          TrainOptions options);
  // Trains a model that nothing compresses.
  Trainer(std::shared_ptr<graph::Model> model, data::DataLoader& train_loader, data::DataLoader* eval_loader,
          TrainOptions options);
  ~Trainer();

  // Trains to the end; the model is left in evaluation mode. Errors:
  //   InvalidArgument     an option out of its range, an empty loader, a checkpoint that does not fit
  //   NotFound, PermissionDenied, ResourceExhausted   output_dir cannot be made or written: found before training
  //   Cancelled           SIGINT or SIGTERM came: the checkpoint is written and the message says how to go on
  //   Aborted             the loss or a gradient is NaN or infinite: the message says at which step, where it first
  //                       showed and what to try; checkpoints written before stay
  //   and whatever the model, the loaders and the methods return.
  absl::StatusOr<TrainResult> run();

 private:
  class Loop;
  std::unique_ptr<CompressionAlgorithm> owned_algorithm_;
  CompressionAlgorithm& algorithm_;
  data::DataLoader& train_loader_;
  data::DataLoader* eval_loader_;
  TrainOptions options_;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_TRAINER_H_
