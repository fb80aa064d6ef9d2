// training/trainer_loop.h: one run of the trainer: what changes while it goes on. Not for users: see
// training/trainer.h.
//
// The loop itself is in trainer.cc, what goes into checkpoints and comes back from them in trainer_resume.cc, what
// several processes do together in trainer_processes.cc.

#ifndef PARE_TRAINING_TRAINER_LOOP_H_
#define PARE_TRAINING_TRAINER_LOOP_H_

#include <c10/core/Device.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "distributed/gradient_averager.h"
#include "distributed/process_group.h"
#include "distributed/synchronized_batch_norm.h"
#include "graph/device.h"
#include "statistics/event_file.h"
#include "statistics/json_lines.h"
#include "training/batch_norm.h"
#include "training/checkpoint.h"
#include "training/checkpoint_folder.h"
#include "training/folder_lock.h"
#include "training/interrupt.h"
#include "training/learning_rate.h"
#include "training/optimizer.h"
#include "training/running_results.h"
#include "training/trainer.h"

namespace pare::training {

class Trainer::Loop {
 public:
  explicit Loop(Trainer& trainer)
      : options_(trainer.options_),
        algorithm_(trainer.algorithm_),
        model_(*trainer.algorithm_.model()),
        train_loader_(trainer.train_loader_),
        eval_loader_(trainer.options_.evaluate ? trainer.eval_loader_ : nullptr),
        group_(is_distributed(trainer.options_.process_group) ? trainer.options_.process_group : nullptr),
        device_(device_of(trainer.algorithm_.model()->graph())) {}

  absl::StatusOr<TrainResult> run();
  // An error of run() that leaves a checkpoint behind says so.
  absl::Status with_checkpoint_named(const absl::Status& error) const;

 private:
  enum class Stop { kNo, kInterrupted, kMaxSteps, kByControl };

  // trainer_resume.cc
  absl::Status check_options() const;
  absl::Status prepare();
  absl::Status prepare_folder();
  uint64_t seed_of(int64_t step) const;
  absl::StatusOr<bool> resume_newest();
  absl::Status resume(const Checkpoint& checkpoint, const std::string& file);
  void tell_what_is_not_promised(const Checkpoint& checkpoint, const std::string& file) const;
  absl::Status check_same_training(const Checkpoint& checkpoint, const nlohmann::json* settings, int64_t num_batches,
                                   const std::string& file) const;
  absl::Status set_control_state(const nlohmann::json& state);
  absl::Status set_random_states(const Checkpoint& checkpoint) const;
  absl::StatusOr<Checkpoint> make_checkpoint() const;
  absl::Status save_last();
  absl::Status save_last(const Checkpoint& checkpoint);
  absl::Status save_if_due();
  absl::StatusOr<std::optional<data::Batch>> next_batch();
  absl::Status interrupted();
  absl::Status make_optimizer();
  absl::Status renew_optimizer_if_stale();
  absl::Status start_cycle();

  // trainer_processes.cc: what several processes do together, and one alone does not.
  absl::Status share_start();
  absl::Status share_best();
  absl::Status share_model_state();
  absl::StatusOr<data::Batch> part_to_train(data::Batch batch);
  absl::Status share_step(StepReport& step, int64_t& samples, int64_t& classified, int64_t& correct);
  absl::StatusOr<bool> is_interrupted();
  absl::Status check_part(const data::Batch& batch) const;
  absl::Status group_error_or(const absl::Status& status) const;
  void stop_synchronizing();

  // trainer.cc
  absl::Status train_epoch();
  absl::Status skip_steps_done();
  absl::Status train_step(const data::Batch& batch, StepReport& step);
  absl::StatusOr<at::Tensor> task_loss(const at::Tensor& output, const data::Batch& batch) const;
  void freeze_batch_norm_if_due();
  absl::Status end_epoch();
  absl::Status report_epoch();
  absl::Status judge_start();
  absl::Status advance_control();
  absl::StatusOr<EvaluationResult> evaluate_model();
  absl::StatusOr<TrainResult> finish(bool has_trained);

  double rate_at(int64_t step) const {
    const int64_t step_in_cycle = step - cycle_.first_epoch * train_loader_.num_batches();
    return learning_rate_->at(step_in_cycle) * cycle_.factor * algorithm_.scheduler().learning_rate_factor();
  }
  bool has_max_steps() const { return options_.max_steps > 0 && global_step_ >= options_.max_steps; }
  bool is_first() const { return group_ == nullptr || group_->rank() == 0; }
  bool writes() const { return !options_.output_dir.empty() && is_first(); }
  std::string path(const char* file) const { return absl::StrCat(options_.output_dir, "/", file); }
  std::string epoch_label() const { return absl::StrCat("epoch ", epoch_ + 1, "/", options_.epochs); }
  std::string existing(const char* file, bool exists) const { return writes() && exists ? path(file) : ""; }

  const TrainOptions& options_;
  CompressionAlgorithm& algorithm_;
  graph::Model& model_;
  data::DataLoader& train_loader_;
  data::DataLoader* eval_loader_;
  ProcessGroup* const group_;  // nullptr: this process is alone
  c10::Device device_;

  InterruptGuard interrupt_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<GradientAverager> averager_;  // of the optimizer's parameters
  // A batch of this process to stand in for an empty part, and whether a signal has come to any process.
  std::optional<data::Batch> stand_in_;
  bool is_interrupted_ = false;
  bool has_no_samples_ = false;  // in this step: its batch is the one that stands in
  LearningRateCycle cycle_;
  std::optional<LearningRate> learning_rate_;
  std::optional<SynchronizedBatchNorm> synchronized_batch_norm_;
  std::optional<FrozenBatchNorm> frozen_batch_norm_;  // after it, whose batch norms it may freeze
  std::optional<FolderLock> folder_lock_;
  std::optional<CheckpointFolder> checkpoints_;
  std::optional<JsonLines> metrics_;
  std::optional<EventFile> events_;

  int64_t epoch_ = 0;
  int64_t steps_in_epoch_ = 0;
  int64_t global_step_ = 0;
  // The schedulers know that the running epoch is over; what is left of it is its evaluation and its report.
  bool epoch_has_ended_ = false;
  double last_rate_ = 0.0;
  Stop stop_ = Stop::kNo;
  EpochSums sums_;
  BestEpoch best_;
  // Of last.checkpoint: the steps that it holds; nullopt: none is there.
  std::optional<int64_t> saved_step_;
  // What a resumed run went on from, until the steps before it are skipped.
  std::optional<Checkpoint> resumed_from_;
  TrainResult result_;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_TRAINER_LOOP_H_
