#include "training/trainer.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/isnan.h>

#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "training/divergence.h"
#include "training/output_folder.h"
#include "training/read_numbers.h"
#include "training/trainer_loop.h"

namespace pare::training {
namespace {

// One process reports for all.
void be_quiet_unless_first(TrainOptions& options) {
  if (!is_distributed(options.process_group) || options.process_group->rank() == 0) return;
  options.progress.quiet = true;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

absl::StatusOr<TrainResult> Trainer::Loop::run() {
  const absl::Cleanup leave_in_evaluation_mode = [this] { model_.eval(); };
  PARE_RETURN_IF_ERROR(prepare());
  bool has_trained = false;
  PARE_RETURN_IF_ERROR(judge_start());
  while (epoch_ < options_.epochs && stop_ == Stop::kNo) {
    PARE_ASSIGN_OR_RETURN(const bool is_stopped, is_interrupted());
    if (is_stopped) return interrupted();
    if (!epoch_has_ended_) {
      if (has_max_steps()) break;
      PARE_RETURN_IF_ERROR(train_epoch());
      if (stop_ == Stop::kInterrupted) return interrupted();
      PARE_RETURN_IF_ERROR(end_epoch());
    }
    PARE_RETURN_IF_ERROR(report_epoch());
    PARE_ASSIGN_OR_RETURN(const bool is_stopped_after, is_interrupted());
    if (is_stopped_after) return interrupted();
    has_trained = true;
  }
  return finish(has_trained);
}

absl::StatusOr<TrainResult> Trainer::Loop::finish(bool has_trained) {
  const auto restore_best = [&]() -> absl::Status {
    if (!options_.restore_best || best_.epoch < 0) return absl::OkStatus();
    if (is_first()) {
      PARE_ASSIGN_OR_RETURN(const Checkpoint best, load_checkpoint(path(kBestCheckpoint)));
      PARE_RETURN_IF_ERROR(restore(best, algorithm_));
    }
    return share_best();
  };
  // A control may have changed the model since its last epoch: as it is, nothing has trained it.
  if (options_.control != nullptr) PARE_RETURN_IF_ERROR(restore_best());
  if (!has_trained && eval_loader_ != nullptr && !result_.last) {
    if (is_first()) log_info("the training is done already");
    PARE_ASSIGN_OR_RETURN(result_.last, evaluate_model());
  }
  if (options_.control == nullptr) PARE_RETURN_IF_ERROR(restore_best());
  result_.steps = global_step_;
  result_.num_epochs = epoch_;
  if (best_.epoch >= 0) {
    if (eval_loader_ != nullptr) result_.best = best_.result;
    result_.best_epoch = best_.epoch;
  }
  return std::move(result_);
}

absl::Status Trainer::Loop::skip_steps_done() {
  for (int64_t i = 0; i < steps_in_epoch_; ++i) {
    PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> skipped, train_loader_.next());
    if (!skipped) {
      return absl::InvalidArgumentError(absl::StrCat("the checkpoint is after step ", steps_in_epoch_,
                                                     " of its epoch, but the data loader has only ", i, " batches"));
    }
    // What would have stood in for an empty part does so again.
    PARE_RETURN_IF_ERROR(part_to_train(*std::move(skipped)).status());
  }
  // A loader may have drawn from LibTorch's generators on the way.
  if (resumed_from_ && steps_in_epoch_ > 0) PARE_RETURN_IF_ERROR(set_random_states(*resumed_from_));
  resumed_from_.reset();
  return absl::OkStatus();
}

absl::Status Trainer::Loop::train_epoch() {
  PARE_RETURN_IF_ERROR(train_loader_.start_epoch(epoch_));
  PARE_RETURN_IF_ERROR(skip_steps_done());
  model_.train();
  Progress progress(epoch_label(), train_loader_.num_batches(), options_.progress);
  progress.start_at(steps_in_epoch_);
  for (;;) {
    if (group_ == nullptr ? interrupt_.requested() : is_interrupted_) stop_ = Stop::kInterrupted;
    // After an epoch's last step the epoch is ended as any other.
    const bool is_last = steps_in_epoch_ >= train_loader_.num_batches();
    if (stop_ == Stop::kNo && !is_last && has_max_steps()) stop_ = Stop::kMaxSteps;
    if (stop_ != Stop::kNo) return absl::OkStatus();

    const auto start = std::chrono::steady_clock::now();
    PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, next_batch());
    if (!batch) break;
    PARE_ASSIGN_OR_RETURN(data::Batch part, part_to_train(*std::move(batch)));
    PARE_ASSIGN_OR_RETURN(const data::Batch moved, guard_torch("moving a batch to the model",
                                                               [&] { return to_device(std::move(part), device_); }));
    sums_.data_seconds += seconds_since(start);
    freeze_batch_norm_if_due();
    StepReport step{.epoch = epoch_, .step_in_epoch = steps_in_epoch_, .global_step = global_step_};
    PARE_RETURN_IF_ERROR(group_error_or(train_step(moved, step)));
    sums_.seconds += seconds_since(start);
    ++steps_in_epoch_;
    ++global_step_;
    progress.update(
        steps_in_epoch_,
        absl::StrFormat("loss %.4f", sums_.loss / static_cast<double>(std::max<int64_t>(sums_.samples, 1))));
    if (options_.on_step) options_.on_step(step);
    PARE_RETURN_IF_ERROR(save_if_due());
  }
  if (steps_in_epoch_ == 0) return absl::InvalidArgumentError("the training data loader gave no batch");
  return absl::OkStatus();
}

void Trainer::Loop::freeze_batch_norm_if_due() {
  if (frozen_batch_norm_ || options_.freeze_batch_norm_epoch < 0.0) return;
  const double position = static_cast<double>(epoch_) +
                          static_cast<double>(steps_in_epoch_) / static_cast<double>(train_loader_.num_batches());
  if (position >= options_.freeze_batch_norm_epoch) frozen_batch_norm_.emplace(model_.graph());
}

absl::StatusOr<at::Tensor> Trainer::Loop::task_loss(const at::Tensor& output, const data::Batch& batch) const {
  PARE_ASSIGN_OR_RETURN(const at::Tensor loss, guard_torch("the task's loss", [&] {
                          if (options_.task_loss) return options_.task_loss(output, batch);
                          TORCH_CHECK(batch.targets.defined(), "the data loader gives no targets");
                          return at::cross_entropy_loss(output, batch.targets, {}, at::Reduction::Mean,
                                                        /*ignore_index=*/-100, options_.label_smoothing);
                        }));
  if (!loss.defined() || loss.numel() != 1) {
    return absl::InvalidArgumentError("the task's loss is no scalar: a loss function returns one number");
  }
  return loss;
}

absl::Status Trainer::Loop::train_step(const data::Batch& batch, StepReport& step) {
  step.learning_rate = last_rate_ = rate_at(global_step_);
  // What a mean over this process's samples counts among all.
  const double weight = group_ == nullptr ? 1.0 : has_no_samples_ ? 0.0 : batch.weight_among(group_->size());
  optimizer_->zero_grad();
  PARE_ASSIGN_OR_RETURN(const at::Tensor output, model_.forward_tensor(batch.inputs));
  PARE_ASSIGN_OR_RETURN(at::Tensor task, task_loss(output, batch));
  if (weight != 1.0) task = task.mul(weight);
  PARE_ASSIGN_OR_RETURN(const at::Tensor compression, guard_torch("the compression's loss", [&] {
                          algorithm_.loss().set_sample_weight(weight);
                          return algorithm_.loss().forward();
                        }));
  const at::Tensor loss = compression.defined() ? at::add(task, compression) : task;
  const bool is_classified = output.dim() == 2 && batch.targets.defined() && batch.targets.dim() == 1 &&
                             batch.targets.scalar_type() == c10::kLong && batch.targets.size(0) == output.size(0);
  if (averager_) averager_->start();
  PARE_RETURN_IF_ERROR(guard_torch("the backward pass", [&] { loss.backward(); }));
  if (averager_) PARE_RETURN_IF_ERROR(averager_->finish());
  int64_t samples = has_no_samples_ ? 0 : batch.size();
  int64_t classified = is_classified ? samples : 0;
  int64_t correct = 0;
  PARE_RETURN_IF_ERROR(guard_torch("a step's losses", [&] {
    const at::Tensor hits = is_classified ? at::eq(output.detach().argmax(1), batch.targets).sum() : at::Tensor();
    // The one place of a step that waits for a GPU, with all of it that computes long under way.
    const std::vector<double> numbers = read_numbers({task, compression, optimizer_->gradient_norm(), hits});
    step.task_loss = numbers[0];
    step.compression_loss = numbers[1];
    step.loss = step.task_loss + step.compression_loss;
    step.gradient_norm = numbers[2];
    correct = has_no_samples_ ? 0 : static_cast<int64_t>(numbers[3]);
  }));
  if (group_ != nullptr) PARE_RETURN_IF_ERROR(share_step(step, samples, classified, correct));
  if (!std::isfinite(step.loss) || !std::isfinite(step.gradient_norm)) {
    // The gradients of such a loss tell nothing of where it comes from.
    if (!std::isfinite(step.loss)) optimizer_->zero_grad();
    // Where it comes from each looks up for itself.
    stop_synchronizing();
    return divergence_error(model_, batch, step, existing(kLastCheckpoint, saved_step_.has_value()));
  }
  if (options_.max_gradient_norm > 0.0 && step.gradient_norm > options_.max_gradient_norm) {
    optimizer_->scale_gradients(options_.max_gradient_norm / step.gradient_norm);
  }
  PARE_RETURN_IF_ERROR(optimizer_->step(step.learning_rate, algorithm_.scheduler().weight_decay_factor()));
  PARE_RETURN_IF_ERROR(guard_torch("the compression's scheduler", [&] { algorithm_.scheduler().step(); }));
  PARE_RETURN_IF_ERROR(renew_optimizer_if_stale());

  sums_.add(step, samples);
  sums_.classified += classified;
  sums_.correct += correct;
  return absl::OkStatus();
}

absl::StatusOr<EvaluationResult> Trainer::Loop::evaluate_model() {
  model_.eval();
  Progress progress("evaluation", eval_loader_->num_batches(), options_.progress);
  // What is being classified. evaluate() looks for NaN in it, with what else it reads of a batch: where it fails,
  // whether it was for one is asked once more.
  data::Batch moved;
  at::Tensor logits;
  const Classifier classify = [&](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
    PARE_RETURN_IF_ERROR(check_part(batch));
    PARE_ASSIGN_OR_RETURN(moved, guard_torch("moving a batch to the model", [&] { return to_device(batch, device_); }));
    PARE_ASSIGN_OR_RETURN(logits, model_.forward_tensor(moved.inputs));
    return logits;
  };
  const EvaluationProgress batch_is_done = [&](int64_t done, int64_t) {
    moved = {};
    logits.reset();
    progress.update(done);
  };
  // Several processes would not all stop at the same batch: they evaluate to the end.
  const ShouldStop should_stop = [this] { return group_ == nullptr && interrupt_.requested(); };
  const absl::StatusOr<EvaluationResult> result =
      over_all_processes(evaluate(classify, *eval_loader_, batch_is_done, should_stop), group_);
  if (result.ok() || absl::IsCancelled(result.status()) || !logits.defined()) return result;
  const auto is_broken = guard_torch("evaluation", [&] { return at::isnan(logits).any().item<bool>(); });
  if (!is_broken.ok() || !*is_broken) return result;
  const StepReport step{.epoch = epoch_,
                        .step_in_epoch = steps_in_epoch_ - 1,
                        .global_step = global_step_ - 1,
                        .learning_rate = last_rate_};
  // The last checkpoint is from after this step: only the best one is known to be good.
  return evaluation_divergence_error(model_, moved, step, existing(kBestCheckpoint, best_.epoch >= 0));
}

// The epoch's last step is done. From here on a checkpoint holds it whole: an evaluation that is interrupted costs
// nothing but itself.
absl::Status Trainer::Loop::end_epoch() {
  PARE_RETURN_IF_ERROR(share_model_state());
  if (stop_ != Stop::kNo) return absl::OkStatus();  // ended by the maximal number of steps, in its middle
  PARE_RETURN_IF_ERROR(guard_torch("the compression's scheduler", [&] { algorithm_.scheduler().epoch_step(); }));
  PARE_RETURN_IF_ERROR(renew_optimizer_if_stale());
  epoch_has_ended_ = true;
  if (!writes() || (eval_loader_ == nullptr && options_.control == nullptr)) return absl::OkStatus();
  return save_last();
}

// Evaluates, and writes the checkpoints and the report.
absl::Status Trainer::Loop::report_epoch() {
  EpochReport report{.epoch = epoch_, .steps = global_step_, .learning_rate = last_rate_, .stage = algorithm_.stage()};
  sums_.fill(report);
  std::string summary = absl::StrFormat("loss %.4f", report.loss);
  if (report.train_top1) absl::StrAppendFormat(&summary, ", training top1 %.4f", *report.train_top1);
  bool is_best = false;
  if (eval_loader_ != nullptr) {
    absl::StatusOr<EvaluationResult> evaluation = evaluate_model();
    if (absl::IsCancelled(evaluation.status()) && interrupt_.requested()) return interrupted();
    PARE_ASSIGN_OR_RETURN(report.evaluation, std::move(evaluation));
    result_.last = report.evaluation;
    absl::StrAppend(&summary, ", ", report.evaluation->to_string());
    is_best = options_.control == nullptr && best_.is_beaten_by(report.stage, *report.evaluation);
  }
  // Half an epoch, which the maximal number of steps may leave, is not its business.
  const bool is_judged = options_.control != nullptr && epoch_has_ended_;
  if (is_judged) {
    model_.eval();
    PARE_ASSIGN_OR_RETURN(is_best, options_.control->judge(report));
    absl::StrAppend(&summary, options_.control->summary());
  }
  if (is_best) best_ = {epoch_, report.stage, report.evaluation.value_or(EvaluationResult())};
  const std::string label = epoch_label();
  if (epoch_has_ended_) {
    ++epoch_;
    steps_in_epoch_ = 0;
    sums_ = {};
    epoch_has_ended_ = false;
  }
  const Statistics statistics = algorithm_.statistics();
  if (writes()) {
    PARE_RETURN_IF_ERROR(metrics_->append(to_json(report, statistics)));
    PARE_RETURN_IF_ERROR(events_->append(report.steps, numbers_of(report, statistics)));
    PARE_ASSIGN_OR_RETURN(Checkpoint checkpoint, make_checkpoint());
    if (is_best) PARE_RETURN_IF_ERROR(save_checkpoint(checkpoint, path(kBestCheckpoint)));
    if (is_judged) {
      // The best is the model as it was judged; what training goes on with may be another one.
      PARE_RETURN_IF_ERROR(advance_control());
      PARE_ASSIGN_OR_RETURN(checkpoint, make_checkpoint());
    }
    PARE_RETURN_IF_ERROR(save_last(checkpoint));
  } else if (is_judged) {
    PARE_RETURN_IF_ERROR(advance_control());
  }
  if (!options_.progress.quiet) {
    log_info(absl::StrFormat("%s: %s (%.1f s, learning rate %.3g)", label, summary, report.seconds, last_rate_));
    if (options_.print_statistics && !statistics.empty()) log_info(statistics.to_text());
  }
  result_.epochs.push_back(report);
  if (options_.on_epoch) options_.on_epoch(report);
  return absl::OkStatus();
}

// What a control that looks at the untrained model makes of it, and whether it has stopped a training that is resumed.
absl::Status Trainer::Loop::judge_start() {
  EpochControl* const control = options_.control;
  if (control == nullptr) return absl::OkStatus();
  if (!control->is_finished() && control->judges_start() && global_step_ == 0) {
    EpochReport report{.epoch = -1, .stage = algorithm_.stage()};
    model_.eval();
    if (eval_loader_ != nullptr) {
      absl::StatusOr<EvaluationResult> evaluation = evaluate_model();
      if (absl::IsCancelled(evaluation.status()) && interrupt_.requested()) return interrupted();
      PARE_ASSIGN_OR_RETURN(report.evaluation, std::move(evaluation));
    }
    PARE_ASSIGN_OR_RETURN(const bool is_best, control->judge(report));
    if (!options_.progress.quiet) log_info(absl::StrCat("before training", control->summary()));
    PARE_RETURN_IF_ERROR(advance_control());
    if (control->is_finished()) {
      result_.last = report.evaluation;
      if (writes()) {
        PARE_ASSIGN_OR_RETURN(const Checkpoint checkpoint, make_checkpoint());
        if (is_best) PARE_RETURN_IF_ERROR(save_checkpoint(checkpoint, path(kBestCheckpoint)));
        PARE_RETURN_IF_ERROR(save_last(checkpoint));
      }
    }
  }
  if (control->is_finished()) stop_ = Stop::kByControl;
  return absl::OkStatus();
}

absl::Status Trainer::Loop::advance_control() {
  PARE_ASSIGN_OR_RETURN(const EpochControl::Next next, options_.control->advance());
  if (next == EpochControl::Next::kStop) stop_ = Stop::kByControl;
  if (next != EpochControl::Next::kNewCycle) return absl::OkStatus();
  // A parameter's steps so far were another model's.
  PARE_RETURN_IF_ERROR(make_optimizer());
  return start_cycle();
}

Trainer::Trainer(CompressionAlgorithm& algorithm, data::DataLoader& train_loader, data::DataLoader* eval_loader,
                 TrainOptions options)
    : algorithm_(algorithm), train_loader_(train_loader), eval_loader_(eval_loader), options_(std::move(options)) {
  be_quiet_unless_first(options_);
}

Trainer::Trainer(std::shared_ptr<graph::Model> model, data::DataLoader& train_loader, data::DataLoader* eval_loader,
                 TrainOptions options)
    : owned_algorithm_(std::make_unique<CompressionAlgorithm>(std::move(model), AlgorithmConfig{}, InputSize{})),
      algorithm_(*owned_algorithm_),
      train_loader_(train_loader),
      eval_loader_(eval_loader),
      options_(std::move(options)) {
  be_quiet_unless_first(options_);
}

Trainer::~Trainer() = default;

absl::StatusOr<TrainResult> Trainer::run() {
  Loop loop(*this);
  absl::StatusOr<TrainResult> result = loop.run();
  if (!result.ok()) return loop.with_checkpoint_named(result.status());
  return result;
}

}  // namespace pare::training
