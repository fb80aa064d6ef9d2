#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "distributed/share_model.h"
#include "training/trainer_loop.h"

namespace pare::training {

// Process 0 has a checkpoint to go on from, or starts anew; either way the others become what it is.
absl::Status Trainer::Loop::share_start() {
  if (group_ == nullptr) return absl::OkStatus();
  std::string mine;
  if (is_first()) {
    PARE_ASSIGN_OR_RETURN(const Checkpoint start, make_checkpoint());
    PARE_ASSIGN_OR_RETURN(mine, encode_checkpoint(start));
  }
  PARE_ASSIGN_OR_RETURN(const std::string bytes, group_->broadcast_bytes(mine, 0));
  if (is_first()) return absl::OkStatus();
  constexpr char kStart[] = "what process 0 starts from";
  PARE_ASSIGN_OR_RETURN(Checkpoint start, decode_checkpoint(bytes, kStart));
  PARE_RETURN_IF_ERROR(resume(start, kStart));
  resumed_from_ = std::move(start);
  return absl::OkStatus();
}

// The model and the methods of process 0, which has loaded the best ones.
absl::Status Trainer::Loop::share_best() {
  if (group_ == nullptr) return absl::OkStatus();
  std::string mine;
  if (is_first()) {
    PARE_ASSIGN_OR_RETURN(const Checkpoint best,
                          guard_torch("the checkpoint of the model", [&] { return capture(algorithm_); }));
    PARE_ASSIGN_OR_RETURN(mine, encode_checkpoint(best));
  }
  PARE_ASSIGN_OR_RETURN(const std::string bytes, group_->broadcast_bytes(mine, 0));
  if (is_first()) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(const Checkpoint best, decode_checkpoint(bytes, "the best model of process 0"));
  return restore(best, algorithm_);
}

// Weights are the same everywhere, as the same operations have made them. On processors that round differently they can
// drift apart; process 0's then hold.
absl::Status Trainer::Loop::share_model_state() {
  if (group_ == nullptr) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(average_buffers(*group_, model_));
  const absl::Status same = check_same_model(*group_, model_);
  if (!absl::IsFailedPrecondition(same)) return same;
  if (is_first()) {
    log_warning(absl::StrCat(same.message(), ": do the processes run on different processors? All take process 0's"));
  }
  return share_best();
}

// A part may be empty, of a batch with fewer samples than there are processes. The step is then made with a sample of
// an earlier batch, which counts nothing.
absl::StatusOr<data::Batch> Trainer::Loop::part_to_train(data::Batch batch) {
  if (group_ == nullptr) return batch;
  PARE_RETURN_IF_ERROR(check_part(batch));
  has_no_samples_ = batch.size() == 0;
  if (synchronized_batch_norm_) synchronized_batch_norm_->set_counts(!has_no_samples_);
  if (!has_no_samples_) {
    if (!stand_in_) {
      PARE_ASSIGN_OR_RETURN(stand_in_, guard_torch("a sample of a batch", [&] {
                              data::Batch one = batch;
                              for (at::Tensor& input : one.inputs) input = input.narrow(0, 0, 1).clone();
                              if (one.targets.defined()) one.targets = one.targets.narrow(0, 0, 1).clone();
                              return one;
                            }));
    }
    return batch;
  }
  if (stand_in_) return *stand_in_;
  return absl::InvalidArgumentError(
      absl::StrCat("a batch of ", batch.whole_size(), " samples cannot be shared by ", group_->size(),
                   " processes: give the data loader larger ones, or start fewer processes"));
}

absl::Status Trainer::Loop::share_step(StepReport& step, int64_t& samples, int64_t& classified, int64_t& correct) {
  const auto as_number = [](int64_t count) { return static_cast<double>(count); };
  double numbers[] = {step.task_loss,        step.compression_loss, as_number(samples),
                      as_number(classified), as_number(correct),    interrupt_.requested() ? 1.0 : 0.0};
  PARE_RETURN_IF_ERROR(group_->reduce_numbers(absl::MakeSpan(numbers), Reduction::kSum));
  step.task_loss = numbers[0] / group_->size();
  step.compression_loss = numbers[1] / group_->size();
  step.loss = step.task_loss + step.compression_loss;
  samples = static_cast<int64_t>(numbers[2]);
  classified = static_cast<int64_t>(numbers[3]);
  correct = static_cast<int64_t>(numbers[4]);
  is_interrupted_ = is_interrupted_ || numbers[5] > 0.0;
  return absl::OkStatus();
}

// A whole batch in each would be as many trainings of the same samples.
absl::Status Trainer::Loop::check_part(const data::Batch& batch) const {
  if (group_ == nullptr || batch.whole > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a data loader gives whole batches, and there are several processes: give it a shard (ImageLoaderOptions::shard, "
      "TorchDatasetOptions::shard, data/sharded_loader.h), or say in Batch::first and Batch::whole which part it "
      "gives");
}

// What an exchange within the model fails with comes up as an error of LibTorch's.
absl::Status Trainer::Loop::group_error_or(const absl::Status& status) const {
  if (status.ok() || !synchronized_batch_norm_ || synchronized_batch_norm_->status().ok()) return status;
  return synchronized_batch_norm_->status();
}

void Trainer::Loop::stop_synchronizing() {
  frozen_batch_norm_.reset();
  synchronized_batch_norm_.reset();
}

// Whether a signal has come to any of them, which all ask at the same places.
absl::StatusOr<bool> Trainer::Loop::is_interrupted() {
  if (group_ == nullptr) return interrupt_.requested();
  double requests = interrupt_.requested() ? 1.0 : 0.0;
  PARE_RETURN_IF_ERROR(group_->reduce_numbers(absl::MakeSpan(&requests, 1), Reduction::kSum));
  is_interrupted_ = is_interrupted_ || requests > 0.0;
  return is_interrupted_;
}

}  // namespace pare::training
