#include "training/trainer.h"

#include <ATen/ops/add.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eq.h>
#include <c10/core/Device.h>

#include <chrono>
#include <cmath>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "statistics/json_lines.h"
#include "training/batch_norm.h"
#include "training/checkpoint.h"
#include "training/divergence.h"
#include "training/interrupt.h"
#include "training/output_folder.h"
#include "training/random_state.h"
#include "training/running_results.h"

namespace pare::training {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

// One run: what changes while it goes on.
class Trainer::Loop {
 public:
  explicit Loop(Trainer& trainer)
      : options_(trainer.options_),
        algorithm_(trainer.algorithm_),
        model_(*trainer.algorithm_.model()),
        train_loader_(trainer.train_loader_),
        eval_loader_(trainer.options_.evaluate ? trainer.eval_loader_ : nullptr),
        device_(device_of(*trainer.algorithm_.model())) {}

  absl::StatusOr<TrainResult> run();

 private:
  enum class Stop { kNo, kInterrupted, kMaxSteps };

  absl::Status check_options() const;
  absl::Status prepare();
  absl::Status resume(const Checkpoint& checkpoint);
  absl::Status train_epoch();
  absl::Status train_step(const data::Batch& batch, StepReport& step);
  absl::StatusOr<at::Tensor> task_loss(const at::Tensor& output, const data::Batch& batch) const;
  absl::Status renew_optimizer_if_stale();
  void freeze_batch_norm_if_due();
  absl::Status finish_epoch();
  absl::StatusOr<EvaluationResult> evaluate_model();
  absl::StatusOr<Checkpoint> make_checkpoint() const;
  absl::Status save_last() const;
  absl::Status interrupted() const;

  bool has_max_steps() const { return options_.max_steps > 0 && global_step_ >= options_.max_steps; }
  bool writes() const { return !options_.output_dir.empty(); }
  std::string path(const char* file) const { return absl::StrCat(options_.output_dir, "/", file); }
  std::string epoch_label() const { return absl::StrCat("epoch ", epoch_ + 1, "/", options_.epochs); }

  const TrainOptions& options_;
  CompressionAlgorithm& algorithm_;
  graph::Model& model_;
  data::DataLoader& train_loader_;
  data::DataLoader* eval_loader_;
  c10::Device device_;

  InterruptGuard interrupt_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LearningRate> learning_rate_;
  std::optional<FrozenBatchNorm> frozen_batch_norm_;
  std::optional<JsonLines> metrics_;

  int64_t epoch_ = 0;
  int64_t steps_in_epoch_ = 0;
  int64_t global_step_ = 0;
  double last_rate_ = 0.0;
  Stop stop_ = Stop::kNo;
  EpochSums sums_;
  BestEpoch best_;
  bool has_checkpoint_ = false;
  TrainResult result_;
};

absl::Status Trainer::Loop::check_options() const {
  // Comparisons are written so that a NaN fails them.
  if (!(options_.label_smoothing >= 0.0 && options_.label_smoothing < 1.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the label smoothing is ", options_.label_smoothing, ", expected a number in [0, 1)"));
  }
  if (!(options_.max_gradient_norm >= 0.0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the maximal gradient norm is ", options_.max_gradient_norm, ", expected a number of at least 0"));
  }
  if (options_.max_steps < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the maximal number of steps is ", options_.max_steps, ", expected 0 (no limit) or more"));
  }
  if (options_.resume && !writes()) {
    return absl::InvalidArgumentError("resuming needs an output folder: that of the training to go on with");
  }
  if (options_.restore_best && (!writes() || eval_loader_ == nullptr)) {
    return absl::InvalidArgumentError("restoring the best epoch needs an output folder and evaluation data");
  }
  if (train_loader_.num_batches() < 1) return absl::InvalidArgumentError("the training data loader is empty");
  return absl::OkStatus();
}

absl::Status Trainer::Loop::prepare() {
  PARE_RETURN_IF_ERROR(check_options());
  PARE_ASSIGN_OR_RETURN(learning_rate_,
                        LearningRate::create(options_.learning_rate, options_.epochs, train_loader_.num_batches()));
  PARE_ASSIGN_OR_RETURN(optimizer_, Optimizer::create(model_, options_.optimizer));
  PARE_RETURN_IF_ERROR(seed_random(device_, options_.seed));
  if (!writes()) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(make_output_folder(options_.output_dir));
  if (options_.resume) {
    const absl::StatusOr<Checkpoint> checkpoint = load_checkpoint(path("last.checkpoint"));
    if (checkpoint.ok()) {
      PARE_RETURN_IF_ERROR(resume(*checkpoint));
    } else if (absl::IsNotFound(checkpoint.status())) {
      log_info(absl::StrCat("no checkpoint in ", options_.output_dir, ": training starts anew"));
    } else {
      return checkpoint.status();
    }
  }
  PARE_RETURN_IF_ERROR(keep_epochs_before(path("metrics.jsonl"), epoch_));
  PARE_ASSIGN_OR_RETURN(metrics_, JsonLines::open(path("metrics.jsonl")));
  return absl::OkStatus();
}

absl::Status Trainer::Loop::resume(const Checkpoint& checkpoint) {
  const std::string file = path("last.checkpoint");
  if (checkpoint.config != options_.config) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, " is of a training with other settings: resume with the same ones, or choose another output folder"));
  }
  PARE_RETURN_IF_ERROR(guard_torch(absl::StrCat(file, ": unexpected content"), [&] {
    checkpoint.trainer.at("sums").get_to(sums_);
    checkpoint.trainer.at("best").get_to(best_);
  }));
  if (const int64_t batches = checkpoint.trainer.value("num_batches", int64_t{0});
      batches != train_loader_.num_batches()) {
    return absl::InvalidArgumentError(absl::StrCat(file, " is of a training with ", batches,
                                                   " batches an epoch, but now there are ", train_loader_.num_batches(),
                                                   ": resume with the same data and batch size"));
  }
  PARE_RETURN_IF_ERROR(restore(checkpoint, algorithm_));
  PARE_RETURN_IF_ERROR(renew_optimizer_if_stale());
  PARE_RETURN_IF_ERROR(optimizer_->load_state(checkpoint.optimizer));
  PARE_RETURN_IF_ERROR(set_random_state(device_, checkpoint.random_state));
  epoch_ = checkpoint.epoch;
  steps_in_epoch_ = checkpoint.steps_in_epoch;
  global_step_ = checkpoint.global_step;
  last_rate_ = learning_rate_->at(global_step_ - 1);
  has_checkpoint_ = true;
  log_info(absl::StrCat("going on from ", file, ": epoch ", epoch_ + 1, ", step ", steps_in_epoch_ + 1));
  return absl::OkStatus();
}

absl::StatusOr<TrainResult> Trainer::Loop::run() {
  const absl::Cleanup leave_in_evaluation_mode = [this] { model_.eval(); };
  PARE_RETURN_IF_ERROR(prepare());
  const int64_t first_epoch = epoch_;
  while (epoch_ < options_.epochs && stop_ == Stop::kNo && !has_max_steps()) {
    if (interrupt_.requested()) return interrupted();
    PARE_RETURN_IF_ERROR(train_epoch());
    if (stop_ == Stop::kInterrupted) return interrupted();
    PARE_RETURN_IF_ERROR(finish_epoch());
  }
  if (epoch_ == first_epoch && stop_ == Stop::kNo && eval_loader_ != nullptr) {
    log_info("the training is done already");
    PARE_ASSIGN_OR_RETURN(result_.last, evaluate_model());
  }
  if (options_.restore_best && best_.epoch >= 0) {
    PARE_ASSIGN_OR_RETURN(const Checkpoint best, load_checkpoint(path("best.checkpoint")));
    PARE_RETURN_IF_ERROR(restore(best, algorithm_));
  }
  result_.steps = global_step_;
  if (best_.epoch >= 0) {
    result_.best = best_.result;
    result_.best_epoch = best_.epoch;
  }
  return std::move(result_);
}

absl::Status Trainer::Loop::train_epoch() {
  PARE_RETURN_IF_ERROR(train_loader_.start_epoch(epoch_));
  for (int64_t i = 0; i < steps_in_epoch_; ++i) {
    PARE_ASSIGN_OR_RETURN(const std::optional<data::Batch> skipped, train_loader_.next());
    if (!skipped) {
      return absl::InvalidArgumentError(absl::StrCat("the checkpoint is after step ", steps_in_epoch_,
                                                     " of its epoch, but the data loader has only ", i, " batches"));
    }
  }
  model_.train();
  Progress progress(epoch_label(), train_loader_.num_batches(), options_.progress);
  progress.start_at(steps_in_epoch_);
  for (;;) {
    if (interrupt_.requested()) stop_ = Stop::kInterrupted;
    // After an epoch's last step the epoch is ended as any other.
    const bool is_last = steps_in_epoch_ >= train_loader_.num_batches();
    if (stop_ == Stop::kNo && !is_last && has_max_steps()) stop_ = Stop::kMaxSteps;
    if (stop_ != Stop::kNo) return absl::OkStatus();

    const auto start = std::chrono::steady_clock::now();
    PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, train_loader_.next());
    if (!batch) break;
    PARE_ASSIGN_OR_RETURN(const data::Batch moved, guard_torch("moving a batch to the model",
                                                               [&] { return to_device(*std::move(batch), device_); }));
    sums_.data_seconds += seconds_since(start);
    freeze_batch_norm_if_due();
    StepReport step{.epoch = epoch_, .step_in_epoch = steps_in_epoch_, .global_step = global_step_};
    PARE_RETURN_IF_ERROR(train_step(moved, step));
    sums_.seconds += seconds_since(start);
    ++steps_in_epoch_;
    ++global_step_;
    progress.update(
        steps_in_epoch_,
        absl::StrFormat("loss %.4f", sums_.loss / static_cast<double>(std::max<int64_t>(sums_.samples, 1))));
    if (options_.on_step) options_.on_step(step);
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
  step.learning_rate = last_rate_ = learning_rate_->at(global_step_);
  optimizer_->zero_grad();
  PARE_ASSIGN_OR_RETURN(const at::Tensor output, model_.forward_tensor(batch.inputs));
  PARE_ASSIGN_OR_RETURN(const at::Tensor task, task_loss(output, batch));
  PARE_ASSIGN_OR_RETURN(const at::Tensor compression,
                        guard_torch("the compression's loss", [&] { return algorithm_.loss().forward(); }));
  const at::Tensor loss = compression.defined() ? at::add(task, compression) : task;
  PARE_RETURN_IF_ERROR(guard_torch("the backward pass", [&] {
    step.task_loss = task.item<double>();
    step.compression_loss = compression.defined() ? compression.item<double>() : 0.0;
    step.loss = step.task_loss + step.compression_loss;
    if (!std::isfinite(step.loss)) return;
    loss.backward();
    step.gradient_norm = optimizer_->gradient_norm();
  }));
  if (!std::isfinite(step.loss) || !std::isfinite(step.gradient_norm)) {
    return divergence_error(model_, batch, step, has_checkpoint_ ? path("last.checkpoint") : "");
  }
  if (options_.max_gradient_norm > 0.0 && step.gradient_norm > options_.max_gradient_norm) {
    optimizer_->scale_gradients(options_.max_gradient_norm / step.gradient_norm);
  }
  PARE_RETURN_IF_ERROR(optimizer_->step(step.learning_rate));
  PARE_RETURN_IF_ERROR(guard_torch("the compression's scheduler", [&] { algorithm_.scheduler().step(); }));
  PARE_RETURN_IF_ERROR(renew_optimizer_if_stale());

  const int64_t samples = batch.size();
  sums_.add(step, samples);
  if (output.dim() == 2 && batch.targets.defined() && batch.targets.dim() == 1 &&
      batch.targets.scalar_type() == c10::kLong && batch.targets.size(0) == output.size(0)) {
    sums_.classified += samples;
    sums_.correct += at::eq(output.detach().argmax(1), batch.targets).sum().item<int64_t>();
  }
  return absl::OkStatus();
}

absl::Status Trainer::Loop::renew_optimizer_if_stale() {
  if (optimizer_->is_current(model_)) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(optimizer_, Optimizer::create(model_, options_.optimizer));
  return absl::OkStatus();
}

absl::StatusOr<EvaluationResult> Trainer::Loop::evaluate_model() {
  Progress progress("evaluation", eval_loader_->num_batches(), options_.progress);
  return evaluate(model_, *eval_loader_, [&](int64_t done, int64_t) { progress.update(done); });
}

absl::Status Trainer::Loop::finish_epoch() {
  const bool is_whole = stop_ == Stop::kNo;
  if (is_whole) {
    PARE_RETURN_IF_ERROR(guard_torch("the compression's scheduler", [&] { algorithm_.scheduler().epoch_step(); }));
    PARE_RETURN_IF_ERROR(renew_optimizer_if_stale());
  }
  EpochReport report{.epoch = epoch_, .steps = global_step_, .learning_rate = last_rate_, .stage = algorithm_.stage()};
  sums_.fill(report);
  std::string summary = absl::StrFormat("loss %.4f", report.loss);
  if (report.train_top1) absl::StrAppendFormat(&summary, ", training top1 %.4f", *report.train_top1);
  bool is_best = false;
  if (eval_loader_ != nullptr) {
    PARE_ASSIGN_OR_RETURN(report.evaluation, evaluate_model());
    result_.last = report.evaluation;
    absl::StrAppend(&summary, ", ", report.evaluation->to_string());
    is_best = best_.is_beaten_by(report.stage, *report.evaluation);
    if (is_best) best_ = {epoch_, report.stage, *report.evaluation};
  }
  const std::string label = epoch_label();
  if (is_whole) {
    ++epoch_;
    steps_in_epoch_ = 0;
    sums_ = {};
  }
  const Statistics statistics = algorithm_.statistics();
  if (writes()) {
    PARE_RETURN_IF_ERROR(metrics_->append(to_json(report, statistics)));
    PARE_ASSIGN_OR_RETURN(const Checkpoint checkpoint, make_checkpoint());
    if (is_best) PARE_RETURN_IF_ERROR(save_checkpoint(checkpoint, path("best.checkpoint")));
    PARE_RETURN_IF_ERROR(save_checkpoint(checkpoint, path("last.checkpoint")));
    has_checkpoint_ = true;
  }
  if (!options_.progress.quiet) {
    log_info(absl::StrFormat("%s: %s (%.1f s, learning rate %.3g)", label, summary, report.seconds, last_rate_));
    if (options_.print_statistics && !statistics.empty()) log_info(statistics.to_text());
  }
  result_.epochs.push_back(report);
  if (options_.on_epoch) options_.on_epoch(report);
  return absl::OkStatus();
}

absl::StatusOr<Checkpoint> Trainer::Loop::make_checkpoint() const {
  if (const std::vector<std::string> broken = model_.non_finite_tensors(); !broken.empty()) {
    return absl::AbortedError(absl::StrCat("no checkpoint is written, since ", broken.front(),
                                           broken.size() > 1 ? absl::StrCat(" and ", broken.size() - 1, " more") : "",
                                           " of the model holds NaN or infinite values; try a smaller learning rate"));
  }
  PARE_ASSIGN_OR_RETURN(Checkpoint checkpoint,
                        guard_torch("the checkpoint of the model", [&] { return capture(algorithm_); }));
  PARE_ASSIGN_OR_RETURN(checkpoint.optimizer, optimizer_->save_state());
  PARE_ASSIGN_OR_RETURN(checkpoint.random_state, random_state(device_));
  checkpoint.epoch = epoch_;
  checkpoint.steps_in_epoch = steps_in_epoch_;
  checkpoint.global_step = global_step_;
  checkpoint.config = options_.config;
  checkpoint.trainer = {{"sums", sums_}, {"best", best_}, {"num_batches", train_loader_.num_batches()}};
  return checkpoint;
}

absl::Status Trainer::Loop::save_last() const {
  PARE_ASSIGN_OR_RETURN(const Checkpoint checkpoint, make_checkpoint());
  return save_checkpoint(checkpoint, path("last.checkpoint"));
}

absl::Status Trainer::Loop::interrupted() const {
  const std::string when = absl::StrCat(interrupt_.signal_name(), " stopped the training in epoch ", epoch_ + 1,
                                        " after ", steps_in_epoch_, " steps");
  if (!writes()) return absl::CancelledError(absl::StrCat(when, "; nothing was saved, as there is no output folder"));
  PARE_RETURN_IF_ERROR(save_last());
  return absl::CancelledError(
      absl::StrCat(when, "; ", path("last.checkpoint"), " is written: resume to go on from there"));
}

Trainer::Trainer(CompressionAlgorithm& algorithm, data::DataLoader& train_loader, data::DataLoader* eval_loader,
                 TrainOptions options)
    : algorithm_(algorithm), train_loader_(train_loader), eval_loader_(eval_loader), options_(std::move(options)) {}

Trainer::Trainer(std::shared_ptr<graph::Model> model, data::DataLoader& train_loader, data::DataLoader* eval_loader,
                 TrainOptions options)
    : owned_algorithm_(std::make_unique<CompressionAlgorithm>(std::move(model), AlgorithmConfig{}, InputSize{})),
      algorithm_(*owned_algorithm_),
      train_loader_(train_loader),
      eval_loader_(eval_loader),
      options_(std::move(options)) {}

Trainer::~Trainer() = default;

absl::StatusOr<TrainResult> Trainer::run() { return Loop(*this).run(); }

}  // namespace pare::training
