#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "base/version.h"
#include "config/object_reader.h"
#include "distributed/agree.h"
#include "training/fnv1a.h"
#include "training/output_folder.h"
#include "training/random_state.h"
#include "training/settings_difference.h"
#include "training/trainer_loop.h"

namespace pare::training {

namespace {

constexpr char kMetrics[] = "metrics.jsonl";
constexpr char kTensorBoard[] = "tensorboard";

absl::Status seed_generators(c10::Device device, uint64_t seed) {
  PARE_RETURN_IF_ERROR(seed_random(c10::Device(c10::kCPU), seed));
  return device.is_cpu() ? absl::OkStatus() : seed_random(device, seed);
}

// Curves of an earlier training would be drawn into this one's. What cannot be removed is left.
void remove_events(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    std::error_code ignored;
    if (file->path().filename().string().rfind("events.out.tfevents.", 0) == 0) {
      std::filesystem::remove(file->path(), ignored);
    }
  }
}

// What make_checkpoint() writes under "trainer", its types checked.
struct TrainerPart {
  const nlohmann::json* settings = nullptr;  // nullptr: of a file from before settings were kept
  int64_t num_batches = 0;
  EpochSums sums;
  BestEpoch best;
  bool epoch_has_ended = false, batch_norm_is_frozen = false;
  std::optional<double> last_rate;
  const nlohmann::json* control = nullptr;
};

absl::StatusOr<TrainerPart> read_trainer_part(const nlohmann::json& json, const std::string& file) {
  config::ObjectReader reader(json, absl::StrCat(file, ": trainer"));
  TrainerPart part;
  part.settings = reader.any("settings");
  part.num_batches = reader.integer("num_batches", 0, {.min = 0});
  part.epoch_has_ended = reader.boolean("epoch_has_ended", false);
  part.batch_norm_is_frozen = reader.boolean("batch_norm_is_frozen", false);
  part.last_rate = reader.optional_number("last_rate");
  part.control = reader.any("control");
  const auto read_list = [&](const char* key, auto& list) {
    const nlohmann::json* found = reader.any(key);
    if (found == nullptr) return reader.fail(key, "is missing");
    reader.fail(guard_torch(reader.path_of(key), [&] { found->get_to(list); }));
  };
  read_list("sums", part.sums);
  read_list("best", part.best);
  PARE_RETURN_IF_ERROR(reader.status());
  return part;
}

// What the last bits depend on beside the settings.
nlohmann::json made_by(c10::Device device, const ProcessGroup* group) {
  return {{"pare", kPareVersion},
          {"libtorch", TORCH_VERSION},
          {"threads", at::get_num_threads()},
          {"device", device.is_cpu() ? "cpu" : device.str()},
          {"processes", group == nullptr ? 1 : group->size()}};
}

}  // namespace

absl::Status check_schedule_fits(CompressionAlgorithm& algorithm, const TrainOptions& options) {
  const int64_t needed = algorithm.scheduler().epochs_needed();
  if (needed <= options.epochs || options.allow_unfinished_schedule) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the compression's schedule reaches its target after ", needed, " epochs, but the training has ", options.epochs,
      "; train longer, set the target's epoch in the config (sparsity_target_epoch, pruning_steps, warmup_end_epoch, "
      "...) to at most ",
      options.epochs, ", or allow an unfinished schedule (--allow_unfinished_schedule)"));
}

absl::Status Trainer::Loop::check_options() const {
  PARE_RETURN_IF_ERROR(check_train_options(options_));
  if (options_.restore_best &&
      (options_.output_dir.empty() || (eval_loader_ == nullptr && options_.control == nullptr))) {
    return absl::InvalidArgumentError("restoring the best epoch needs an output folder and evaluation data");
  }
  if (train_loader_.num_batches() < 1) return absl::InvalidArgumentError("the training data loader is empty");
  return check_schedule_fits(algorithm_, options_);
}

absl::Status Trainer::Loop::prepare() {
  PARE_RETURN_IF_ERROR(check_options());
  PARE_RETURN_IF_ERROR(start_cycle());
  PARE_RETURN_IF_ERROR(make_optimizer());
  PARE_RETURN_IF_ERROR(seed_generators(device_, seed_of(0)));
  if (writes()) PARE_RETURN_IF_ERROR(prepare_folder());
  PARE_RETURN_IF_ERROR(share_start());
  if (group_ != nullptr && options_.synchronize_batch_norm) synchronized_batch_norm_.emplace(model_, *group_);
  return absl::OkStatus();
}

// Dropout draws in each process for itself; of the first it is what it is alone.
uint64_t Trainer::Loop::seed_of(int64_t step) const {
  if (is_first()) return options_.seed;
  const uint64_t words[] = {options_.seed, static_cast<uint64_t>(group_->rank()), static_cast<uint64_t>(step)};
  return fnv1a({reinterpret_cast<const char*>(words), sizeof(words)});
}

absl::Status Trainer::Loop::prepare_folder() {
  PARE_RETURN_IF_ERROR(make_output_folder(options_.output_dir));
  PARE_ASSIGN_OR_RETURN(folder_lock_, FolderLock::acquire(options_.output_dir));
  if (const int partial = remove_partial_files(options_.output_dir); partial > 0) {
    log_info(absl::StrCat("removed ", partial, " unfinished file(s) of a killed training from ", options_.output_dir));
  }
  checkpoints_.emplace(options_.output_dir, options_.keep_checkpoints);
  PARE_ASSIGN_OR_RETURN(const bool is_resumed, resume_newest());
  // Those of an earlier training would be taken for this one's.
  if (!is_resumed) {
    PARE_RETURN_IF_ERROR(remove_checkpoints(options_.output_dir));
    remove_events(path(kTensorBoard));
  }
  PARE_RETURN_IF_ERROR(keep_epochs_before(path(kMetrics), epoch_));
  PARE_ASSIGN_OR_RETURN(metrics_, JsonLines::open(path(kMetrics)));
  PARE_ASSIGN_OR_RETURN(events_, EventFile::create(path(kTensorBoard)));
  return absl::OkStatus();
}

absl::StatusOr<bool> Trainer::Loop::resume_newest() {
  if (!options_.resume) return false;
  absl::StatusOr<CheckpointFolder::Found> found = checkpoints_->load_newest();
  if (absl::IsNotFound(found.status())) {
    log_info(absl::StrCat("no checkpoint in ", options_.output_dir, ": training starts anew"));
    return false;
  }
  PARE_RETURN_IF_ERROR(found.status());
  PARE_RETURN_IF_ERROR(resume(found->checkpoint, found->path));
  resumed_from_ = std::move(found->checkpoint);
  return true;
}

absl::Status Trainer::Loop::check_same_training(const Checkpoint& checkpoint, const nlohmann::json* settings,
                                                int64_t num_batches, const std::string& file) const {
  std::string difference =
      settings == nullptr || settings->is_null() ? "" : settings_difference(*settings, settings_of(options_));
  if (difference.empty()) difference = settings_difference(checkpoint.config, options_.config);
  if (!difference.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(file, " is of a training with other settings: ", difference,
                                                   ". Resume with the same ones, or choose another output folder"));
  }
  if (num_batches == train_loader_.num_batches()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(file, " is of a training with ", num_batches,
                                                 " batches an epoch, but now there are ", train_loader_.num_batches(),
                                                 ": resume with the same data and batch size"));
}

absl::Status Trainer::Loop::set_control_state(const nlohmann::json& state) {
  absl::Status status;
  PARE_RETURN_IF_ERROR(guard_torch("the checkpoint's state of the training's control",
                                   [&] { status = options_.control->set_state(state); }));
  return status;
}

absl::Status Trainer::Loop::resume(const Checkpoint& checkpoint, const std::string& file) {
  PARE_ASSIGN_OR_RETURN(const TrainerPart part, read_trainer_part(checkpoint.trainer, file));
  PARE_RETURN_IF_ERROR(check_same_training(checkpoint, part.settings, part.num_batches, file));
  sums_ = part.sums;
  best_ = part.best;
  epoch_has_ended_ = part.epoch_has_ended;
  if (options_.control != nullptr) {
    PARE_RETURN_IF_ERROR(set_control_state(part.control == nullptr ? nlohmann::json() : *part.control));
    PARE_RETURN_IF_ERROR(start_cycle());
  }
  PARE_RETURN_IF_ERROR(restore(checkpoint, algorithm_));
  PARE_RETURN_IF_ERROR(renew_optimizer_if_stale());
  PARE_RETURN_IF_ERROR(optimizer_->load_state(checkpoint.optimizer));
  if (const absl::Status set = set_random_states(checkpoint); !set.ok()) {
    return absl::Status(set.code(), absl::StrCat(file, ": ", set.message()));
  }
  // Before the next step, which would see to it: the epoch may end without one, and a method then look at batch norms.
  if (part.batch_norm_is_frozen) frozen_batch_norm_.emplace(model_.graph());
  if (is_first()) tell_what_is_not_promised(checkpoint, file);
  epoch_ = checkpoint.epoch;
  steps_in_epoch_ = checkpoint.steps_in_epoch;
  global_step_ = checkpoint.global_step;
  last_rate_ = part.last_rate.has_value() ? *part.last_rate : rate_at(global_step_ - 1);
  saved_step_ = global_step_;
  if (!is_first()) return absl::OkStatus();
  log_info(absl::StrCat("going on from ", file, ": epoch ", epoch_ + 1, ", ",
                        epoch_has_ended_ ? "its evaluation" : absl::StrCat("step ", steps_in_epoch_ + 1)));
  return absl::OkStatus();
}

void Trainer::Loop::tell_what_is_not_promised(const Checkpoint& checkpoint, const std::string& file) const {
  const std::string difference = settings_difference(checkpoint.made_by, made_by(device_, group_));
  if (difference.empty()) return;
  log_warning(absl::StrCat(file, " was written elsewhere: ", difference,
                           ". Training goes on, but that it ends with the same bits as one that was never stopped is "
                           "not promised"));
}

absl::Status Trainer::Loop::set_random_states(const Checkpoint& checkpoint) const {
  if (!is_first()) return seed_generators(device_, seed_of(checkpoint.global_step));
  PARE_RETURN_IF_ERROR(set_random_state(c10::Device(c10::kCPU), checkpoint.random_state));
  // A checkpoint of a training on another device has none for this one: its dropout then goes on from the seed.
  if (device_.is_cpu() || !checkpoint.device_random_state.defined()) return absl::OkStatus();
  return set_random_state(device_, checkpoint.device_random_state);
}

absl::Status Trainer::Loop::start_cycle() {
  cycle_ = options_.control == nullptr ? LearningRateCycle{.epochs = options_.epochs} : options_.control->cycle();
  LearningRateOptions rate = options_.learning_rate;
  // A cycle may be shorter than the training that the warmup was meant for.
  rate.warmup_epochs = std::min(rate.warmup_epochs, static_cast<double>(cycle_.epochs));
  PARE_ASSIGN_OR_RETURN(learning_rate_, LearningRate::create(rate, cycle_.epochs, train_loader_.num_batches()));
  return absl::OkStatus();
}

absl::Status Trainer::Loop::renew_optimizer_if_stale() {
  return optimizer_->is_current(model_) ? absl::OkStatus() : make_optimizer();
}

absl::Status Trainer::Loop::make_optimizer() {
  PARE_ASSIGN_OR_RETURN(optimizer_, Optimizer::create(model_, options_.optimizer));
  if (group_ != nullptr) averager_.emplace(*group_, model_.parameters());
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
  PARE_ASSIGN_OR_RETURN(checkpoint.random_state, random_state(c10::Device(c10::kCPU)));
  if (!device_.is_cpu()) {
    PARE_ASSIGN_OR_RETURN(checkpoint.device_random_state, random_state(device_));
  }
  checkpoint.epoch = epoch_;
  checkpoint.steps_in_epoch = steps_in_epoch_;
  checkpoint.global_step = global_step_;
  checkpoint.config = options_.config;
  checkpoint.source = options_.source;
  checkpoint.made_by = made_by(device_, group_);
  checkpoint.trainer = {{"sums", sums_},
                        {"best", best_},
                        {"epoch_has_ended", epoch_has_ended_},
                        {"last_rate", last_rate_},
                        {"batch_norm_is_frozen", frozen_batch_norm_.has_value()},
                        {"num_batches", train_loader_.num_batches()},
                        {"settings", settings_of(options_)}};
  if (options_.control != nullptr) checkpoint.trainer["control"] = options_.control->state();
  return checkpoint;
}

absl::Status Trainer::Loop::save_last(const Checkpoint& checkpoint) {
  PARE_RETURN_IF_ERROR(checkpoints_->save(checkpoint));
  saved_step_ = checkpoint.global_step;
  return absl::OkStatus();
}

absl::Status Trainer::Loop::save_last() {
  PARE_ASSIGN_OR_RETURN(const Checkpoint checkpoint, make_checkpoint());
  return save_last(checkpoint);
}

absl::Status Trainer::Loop::save_if_due() {
  if (options_.output_dir.empty() || options_.checkpoint_every_steps == 0) return absl::OkStatus();
  // After its last step the epoch ends, which is in the checkpoint that is written then.
  if (steps_in_epoch_ >= train_loader_.num_batches()) return absl::OkStatus();
  if (global_step_ % options_.checkpoint_every_steps != 0) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(share_model_state());
  return writes() ? save_last() : absl::OkStatus();
}

// Data that cannot be read any more (a disk that is gone, deleted files) costs no step: between two of them all is
// well.
absl::StatusOr<std::optional<data::Batch>> Trainer::Loop::next_batch() {
  absl::StatusOr<std::optional<data::Batch>> batch = train_loader_.next();
  if (batch.ok() || !writes() || saved_step_ == global_step_) return batch;
  const absl::Status saved = save_last();
  if (saved.ok()) return batch;
  return absl::Status(batch.status().code(),
                      absl::StrCat(batch.status().message(), "; the training since ",
                                   saved_step_ ? "the last checkpoint" : "its start", " is lost: ", saved.message()));
}

absl::Status Trainer::Loop::with_checkpoint_named(const absl::Status& error) const {
  // These say it themselves.
  const bool is_told =
      absl::StrContains(error.message(), kLastCheckpoint) || absl::IsCancelled(error) || absl::IsAborted(error);
  if (is_told || !writes() || !saved_step_.has_value()) return error;
  return absl::Status(error.code(),
                      absl::StrCat(error.message(), "; the training stopped after step ", global_step_, ", and ",
                                   path(kLastCheckpoint), " holds it as it was after step ", *saved_step_,
                                   ": once the cause is removed, resume to go on from there"));
}

absl::Status Trainer::Loop::interrupted() {
  PARE_RETURN_IF_ERROR(share_model_state());
  const std::string signal = interrupt_.requested() ? interrupt_.signal_name() : "a signal to another process";
  const std::string when =
      absl::StrCat(signal, " stopped the training in epoch ", epoch_ + 1, " after ", steps_in_epoch_, " steps");
  // All stay until it is written: a launcher takes the first one's end for the end of all.
  PARE_RETURN_IF_ERROR(agree(group_, writes() ? save_last() : absl::OkStatus()));
  if (options_.output_dir.empty()) {
    return absl::CancelledError(absl::StrCat(when, "; nothing was saved, as there is no output folder"));
  }
  return absl::CancelledError(
      absl::StrCat(when, "; ", path(kLastCheckpoint), " is written: resume to go on from there"));
}

}  // namespace pare::training
