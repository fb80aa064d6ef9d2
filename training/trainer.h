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
//   last.checkpoint   after every epoch, before and after its evaluation, every checkpoint_every_steps, when
//                     interrupted, and when the data fail: what `resume` goes on from, bit for bit
//   step_<n>.checkpoint   the ones before, as many as keep_checkpoints says, under the number of steps they hold: what
//                     `resume` takes, with a warning, where a later one is truncated or damaged
//   best.checkpoint   of the epoch with the best accuracy among those of the furthest compression stage, or which
//                     `control` calls the best
//   metrics.jsonl     one JSON object an epoch: losses, accuracies, learning rate, time, the methods' statistics
//   tensorboard/      the same numbers, for TensorBoard
// Files are written whole or not at all, and never of a model that holds a NaN. So a process that is killed, at
// whatever moment, is resumed to the same bits, on one CPU with as many threads. A training that does not resume
// removes the checkpoints that it finds there; the unfinished files of a killed one go in any case. No decision depends
// on the clock: durations are of a clock that does not jump, and the time of day stands in TensorBoard's files alone.
//
// In several processes (TrainOptions::process_group) each computes with its part of every batch; gradients are averaged
// while the backward pass goes on, so that all have the same weights after every step: those that one process would
// have with the whole batch, to within the rounding of sums. (Dropout draws in each
// process for itself.) Losses, accuracies and the evaluation are of all samples. A signal to one process stops all
// after the same step. A checkpoint does not know how many processes wrote it: any number may resume from it.
//
// The learning rate and the weight decay are the options', times the factors of algorithm.scheduler(). A `control`
// (epoch_control.h) may stop training, start the learning rate's schedule and the optimizer anew, and scale the rate.

#ifndef PARE_TRAINING_TRAINER_H_
#define PARE_TRAINING_TRAINER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "data/data_loader.h"
#include "training/report.h"
#include "training/train_options.h"

namespace pare::training {

struct TrainResult {
  std::vector<EpochReport> epochs;  // of this run; a resumed one does not repeat those before
  int64_t steps = 0;                // since the start, those before a resume included
  int64_t num_epochs = 0;           // that have ended since the start
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
  //   DataLoss            resuming, and every checkpoint is damaged
  //   FailedPrecondition  resuming, and the checkpoint is of an older or a newer version of the format; or another
  //                       training writes into output_dir
  //   NotFound, PermissionDenied, ResourceExhausted   output_dir cannot be made or written: found before training; or
  //                       the disk is full: the message names the checkpoint from before, which is whole
  //   Cancelled           SIGINT, SIGTERM or SIGHUP came: the checkpoint is written and the message says how to go on
  //   Aborted             the loss, a gradient or an answer in the evaluation is NaN or infinite: the message says at
  //                       which step, where it first showed and what to try; checkpoints written before stay
  //   Unavailable         another process has ended, or does not answer: checkpoints written before stay
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

// InvalidArgument if the method's schedule needs more epochs than the training has, and the options do not allow that:
// what run() starts with, for those who have more to do before it.
absl::Status check_schedule_fits(CompressionAlgorithm& algorithm, const TrainOptions& options);

}  // namespace pare::training

#endif  // PARE_TRAINING_TRAINER_H_
