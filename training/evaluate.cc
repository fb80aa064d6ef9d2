#include "training/evaluate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/isnan.h>

#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/device.h"
#include "training/read_numbers.h"

namespace pare::training {
namespace {

std::string shape_of(const at::Tensor& tensor) { return absl::StrCat("[", absl::StrJoin(tensor.sizes(), ", "), "]"); }

// What must hold of one batch before anything is computed of it, said with its number: a class that there is not would
// stop a GPU for good. Targets that are still on the CPU are looked at without waiting for a GPU.
absl::Status check_batch(const at::Tensor& logits, const at::Tensor& targets, int64_t number) {
  if (!targets.defined() || targets.dim() != 1 || targets.scalar_type() != c10::kLong) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch ", number, ": evaluation needs targets of classes, int64 [B], from the data loader"));
  }
  if (logits.dim() != 2 || logits.size(0) != targets.size(0) || !logits.is_floating_point()) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", number, ": the model's output is ", shape_of(logits),
                                                   ", expected logits [", targets.size(0), ", classes]"));
  }
  const int64_t classes = logits.size(1);
  if (targets.size(0) > 0 && (targets.min().item<int64_t>() < 0 || targets.max().item<int64_t>() >= classes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "batch ", number, ": targets run from ", targets.min().item<int64_t>(), " to ", targets.max().item<int64_t>(),
        ", but the model knows ", classes, " classes (0 to ", classes - 1, ")"));
  }
  return absl::OkStatus();
}

absl::Status add_batch(const at::Tensor& logits, const at::Tensor& targets, int64_t number, EvaluationResult* result,
                       double* loss_sum) {
  PARE_RETURN_IF_ERROR(check_batch(logits, targets, number));
  const at::Tensor there = targets.to(logits.device());
  const std::vector<double> numbers = read_numbers(
      {at::isnan(logits).any(), at::eq(logits.argmax(1), there).sum(), at::cross_entropy_loss(logits, there)});
  if (numbers[0] != 0) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", number, ": the model's output has NaN in it"));
  }
  result->correct += static_cast<int64_t>(numbers[1]);
  result->total += targets.size(0);
  *loss_sum += numbers[2] * static_cast<double>(targets.size(0));
  return absl::OkStatus();
}

}  // namespace

std::string EvaluationResult::to_string() const { return absl::StrFormat("top1 %.4f (%d/%d)", top1(), correct, total); }

data::Batch to_device(data::Batch batch, c10::Device device) {
  // On its way to a GPU a tensor need not be waited for: what computes with it comes behind it.
  const bool non_blocking = !device.is_cpu();
  for (at::Tensor& input : batch.inputs) input = input.to(device, non_blocking);
  if (batch.targets.defined()) batch.targets = batch.targets.to(device, non_blocking);
  return batch;
}

absl::StatusOr<EvaluationResult> over_all_processes(absl::StatusOr<EvaluationResult> mine, ProcessGroup* group) {
  if (!is_distributed(group)) return mine;
  const EvaluationResult part = mine.value_or(EvaluationResult());
  const auto total = static_cast<double>(part.total);
  double numbers[] = {mine.ok() ? 0.0 : 1.0, static_cast<double>(part.correct), total, part.loss * total};
  PARE_RETURN_IF_ERROR(group->reduce_numbers(absl::MakeSpan(numbers), Reduction::kSum));
  if (!mine.ok()) return mine;
  if (numbers[0] > 0.0) return absl::AbortedError("the evaluation failed in another process, which says why");
  return EvaluationResult{.correct = static_cast<int64_t>(numbers[1]),
                          .total = static_cast<int64_t>(numbers[2]),
                          .loss = numbers[3] / numbers[2]};
}

absl::StatusOr<EvaluationResult> evaluate(const Classifier& classifier, data::DataLoader& loader,
                                          const EvaluationProgress& progress, const ShouldStop& should_stop) {
  const at::NoGradGuard no_grad;
  PARE_RETURN_IF_ERROR(loader.start_epoch(0));
  EvaluationResult result;
  double loss_sum = 0.0;
  int64_t samples_of_all = 0;
  for (int64_t number = 0;; ++number) {
    if (should_stop && should_stop()) return absl::CancelledError("the evaluation was stopped");
    PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, loader.next());
    if (!batch) break;
    samples_of_all += batch->whole_size();
    if (batch->size() == 0) continue;
    PARE_ASSIGN_OR_RETURN(const at::Tensor logits, classifier(*batch));
    absl::Status status;
    PARE_RETURN_IF_ERROR(
        guard_torch("evaluation", [&] { status = add_batch(logits, batch->targets, number, &result, &loss_sum); }));
    PARE_RETURN_IF_ERROR(status);
    if (progress) progress(number + 1, loader.num_batches());
  }
  if (result.total == 0 && samples_of_all > 0) return result;
  if (result.total == 0) return absl::InvalidArgumentError("there is nothing to evaluate on: the data loader is empty");
  result.loss = loss_sum / static_cast<double>(result.total);
  return result;
}

absl::StatusOr<EvaluationResult> evaluate(graph::Model& model, data::DataLoader& loader,
                                          const EvaluationProgress& progress, const ShouldStop& should_stop) {
  const bool was_training = model.is_training();
  model.eval();
  const absl::Cleanup restore_mode = [&] { model.train(was_training); };
  const c10::Device device = device_of(model.graph());
  const Classifier forward = [&](const data::Batch& batch) -> absl::StatusOr<at::Tensor> {
    PARE_ASSIGN_OR_RETURN(const data::Batch moved,
                          guard_torch("moving a batch to the model", [&] { return to_device(batch, device); }));
    return model.forward_tensor(moved.inputs);
  };
  return evaluate(forward, loader, progress, should_stop);
}

}  // namespace pare::training
