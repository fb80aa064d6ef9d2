#include "training/divergence.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <cmath>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::training {
namespace {

constexpr size_t kNamesShown = 5;

int64_t count_non_finite(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_floating_point()) return 0;
  return tensor.numel() - at::isfinite(tensor.detach()).sum().item<int64_t>();
}

std::string listing(const std::vector<std::string>& names) {
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(names.size(), kNamesShown));
  const size_t others = names.size() - shown.size();
  return absl::StrCat(absl::StrJoin(shown, ", "), others > 0 ? absl::StrCat(" and ", others, " more") : "");
}

std::string first_non_finite_output(graph::Model& model, const data::Batch& batch) {
  std::string found;
  model.set_observer([&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (!found.empty()) return;
    for (const c10::IValue& output : outputs) {
      if (!output.isTensor()) continue;
      if (const int64_t count = count_non_finite(output.toTensor()); count > 0) {
        found = absl::StrCat("the output of ", node.name(), " (", count, " of ", output.toTensor().numel(),
                             " values are NaN or infinite)");
        return;
      }
    }
  });
  const absl::Cleanup stop_observing = [&] { model.set_observer(nullptr); };
  const at::NoGradGuard no_grad;
  // A forward that fails has nothing to tell beyond what was found before.
  (void)model.forward_tensor(batch.inputs);
  return found;
}

std::string advice_for(const graph::Model& model, const data::Batch& batch, const StepReport& step) {
  for (const at::Tensor& input : batch.inputs) {
    if (count_non_finite(input) > 0) return "check the data set and its normalization";
  }
  return absl::StrCat("try a smaller learning rate (it is ", step.learning_rate,
                      "), some warmup, or a maximal gradient norm");
}

// What has happened, where it first shows, and how to go on.
absl::Status explained(const std::string& what, graph::Model& model, const data::Batch& batch, const StepReport& step,
                       const std::string& good_checkpoint) {
  const std::string where = first_non_finite(model, batch);
  return absl::AbortedError(absl::StrCat(
      what, ". It first shows in ", where.empty() ? "the loss itself; the model's outputs are finite" : where,
      ". To go on, ", advice_for(model, batch, step), ". ",
      good_checkpoint.empty() ? "There is no checkpoint from before."
                              : absl::StrCat("The last good checkpoint is ", good_checkpoint, ".")));
}

}  // namespace

std::string first_non_finite(graph::Model& model, const data::Batch& batch) {
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    if (const int64_t count = count_non_finite(batch.inputs[i]); count > 0) {
      return absl::StrCat("input ", i, " of the batch (", count, " of ", batch.inputs[i].numel(),
                          " values are NaN or infinite)");
    }
  }
  std::vector<std::string> parameters;
  for (const auto& [name, tensor] : model.named_parameters()) {
    if (count_non_finite(tensor) > 0) parameters.push_back(name);
  }
  if (!parameters.empty()) return absl::StrCat("the parameters ", listing(parameters));
  // Buffers come after: batch norms' statistics are spoilt by what flows through, and seldom the cause.
  if (std::string output = first_non_finite_output(model, batch); !output.empty()) return output;
  if (const std::vector<std::string> buffers = model.non_finite_tensors(); !buffers.empty()) {
    return absl::StrCat("the buffers ", listing(buffers));
  }
  std::vector<std::string> gradients;
  for (const auto& [name, tensor] : model.named_parameters()) {
    if (count_non_finite(tensor.grad()) > 0) gradients.push_back(name);
  }
  return gradients.empty() ? "" : absl::StrCat("the gradients of ", listing(gradients));
}

absl::Status divergence_error(graph::Model& model, const data::Batch& batch, const StepReport& step,
                              const std::string& good_checkpoint) {
  std::string what = "a gradient is NaN or infinite";
  if (!std::isfinite(step.task_loss)) {
    what = absl::StrCat("the task's loss is ", step.task_loss);
  } else if (!std::isfinite(step.compression_loss)) {
    what = absl::StrCat("the compression's loss is ", step.compression_loss);
  } else if (!std::isfinite(step.loss)) {
    what = absl::StrCat("the loss is ", step.loss);
  }
  return explained(absl::StrCat("training stopped in epoch ", step.epoch + 1, ", step ", step.step_in_epoch + 1, " (",
                                step.global_step + 1, " in all): ", what),
                   model, batch, step, good_checkpoint);
}

absl::Status evaluation_divergence_error(graph::Model& model, const data::Batch& batch, const StepReport& step,
                                         const std::string& good_checkpoint) {
  return explained(
      absl::StrCat("training stopped in the evaluation after epoch ", step.epoch + 1, ", step ", step.step_in_epoch + 1,
                   " (", step.global_step + 1, " in all): the model's output has NaN in it"),
      model, batch, step, good_checkpoint);
}

}  // namespace pare::training
