#include "compression/quantization/hessian_trace.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/sample_stream.h"
#include "distributed/agree.h"

namespace pare::quantization {
namespace {

using torch::autograd::variable_list;

class Estimator {
 public:
  Estimator(graph::Model& model, const std::vector<graph::Value*>& weights, const HessianTraceOptions& options)
      : model_(model), weights_(weights), options_(options), generator_(at::detail::createCPUGenerator(options.seed)) {
    for (const graph::Value* weight : weights) tensors_.push_back(weight->tensor());
  }

  // The mean over draws of v^T H v of each weight, for the mean loss of this batch.
  absl::StatusOr<std::vector<double>> traces_of(const data::Batch& batch) {
    PARE_ASSIGN_OR_RETURN(const at::Tensor output, model_.forward_tensor(batch.inputs));
    std::vector<double> sums(weights_.size(), 0.0);
    int64_t draws = 0;
    const absl::Status status = guard_torch("the second derivative of the loss", [&] {
      const at::Tensor loss = at::cross_entropy_loss(output, batch.targets);
      const variable_list gradients = torch::autograd::grad({loss}, tensors_, {}, /*retain_graph=*/true,
                                                            /*create_graph=*/true, /*allow_unused=*/true);
      for (size_t i = 0; i < gradients.size(); ++i) {
        TORCH_CHECK(gradients[i].defined(), weights_[i]->name(), " does not change the model's output");
      }
      double last_total = 0;
      while (draws < options_.max_iterations) {
        draw(gradients, sums);
        ++draws;
        double total = 0;
        for (const double sum : sums) total += sum / static_cast<double>(draws);
        const bool has_settled =
            draws > 1 && std::abs(total - last_total) <= options_.tolerance * (std::abs(last_total) + 1e-9);
        last_total = total;
        if (has_settled) break;
      }
    });
    if (!status.ok()) {
      const bool has_no_derivative = absl::StrContains(status.message(), "differentiated twice") ||
                                     absl::StrContains(status.message(), "not implemented");
      return has_no_derivative ? absl::UnimplementedError(status.message()) : status;
    }
    for (double& sum : sums) sum /= static_cast<double>(draws);
    return sums;
  }

 private:
  void draw(const variable_list& gradients, std::vector<double>& sums) {
    variable_list directions;
    for (const at::Tensor& tensor : tensors_) {
      // Drawn on the CPU, the same for a model on any device.
      at::Tensor v = at::empty_like(tensor.detach(), tensor.options().device(at::kCPU).requires_grad(false));
      v.random_(0, 2, generator_).mul_(2).sub_(1);
      directions.push_back(v.to(tensor.device()));
    }
    const variable_list products = torch::autograd::grad(gradients, tensors_, directions, /*retain_graph=*/true,
                                                         /*create_graph=*/false, /*allow_unused=*/true);
    // Read at once, so that a GPU is waited for once a draw.
    variable_list estimates;
    for (size_t i = 0; i < products.size(); ++i) {
      // Undefined: the gradient does not depend on this weight, as of a loss that is linear in it.
      estimates.push_back(products[i].defined() ? products[i].mul(directions[i]).sum().to(at::kDouble)
                                                : at::zeros({}, tensors_[i].options().dtype(at::kDouble)));
    }
    const at::Tensor read = at::stack(estimates).detach().cpu();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += read.data_ptr<double>()[i];
  }

  graph::Model& model_;
  const std::vector<graph::Value*>& weights_;
  const HessianTraceOptions options_;
  at::Generator generator_;
  variable_list tensors_;
};

// At most `samples` of the batch's first, on `device`.
absl::StatusOr<data::Batch> first_samples(data::Batch batch, int64_t samples, c10::Device device) {
  return guard_torch("a batch to take the traces of the Hessian from", [&] {
    const int64_t taken = std::min(batch.size(), samples);
    for (at::Tensor& input : batch.inputs) input = input.narrow(0, 0, taken).to(device);
    batch.targets = batch.targets.narrow(0, 0, taken).to(device);
    return std::move(batch);
  });
}

}  // namespace

absl::StatusOr<std::vector<double>> average_hessian_traces(graph::Model& model,
                                                           const std::vector<graph::Value*>& weights,
                                                           data::DataLoader& loader, const HessianTraceOptions& options,
                                                           ProcessGroup* process_group) {
  for (const graph::Value* weight : weights) {
    if (!weight->tensor().requires_grad()) {
      return absl::InvalidArgumentError(
          absl::StrCat(weight->name(), " requires no gradient: its Hessian cannot be looked at"));
    }
  }
  const c10::Device device = weights.empty() ? c10::Device(c10::kCPU) : weights[0]->tensor().device();
  const EvaluationMode evaluation(model);
  const at::AutoGradMode with_gradients(true);
  Estimator estimator(model, weights, options);
  std::vector<double> traces(weights.size(), 0.0);
  // Of all processes together, and of this one.
  int64_t seen = 0, samples = 0;
  const auto look = [&]() -> absl::Status {
    PARE_RETURN_IF_ERROR(loader.start_epoch(0));
    while (seen < options.num_data_points) {
      PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> next, loader.next());
      if (!next.has_value()) break;
      if (!next->targets.defined()) {
        return absl::InvalidArgumentError(
            "the traces of the Hessian need the data's targets, and the loader gives none");
      }
      const int64_t left = options.num_data_points - seen;
      seen += next->whole_size();
      const int64_t taken = std::clamp(left - next->first, int64_t{0}, next->size());
      if (taken == 0) continue;
      PARE_ASSIGN_OR_RETURN(const data::Batch batch, first_samples(*std::move(next), taken, device));
      PARE_ASSIGN_OR_RETURN(const std::vector<double> of_batch, estimator.traces_of(batch));
      for (size_t i = 0; i < traces.size(); ++i) traces[i] += of_batch[i] * static_cast<double>(batch.size());
      samples += batch.size();
    }
    return absl::OkStatus();
  };
  PARE_RETURN_IF_ERROR(agree(process_group, look()));
  if (is_distributed(process_group)) {
    std::vector<double> sums = traces;
    sums.push_back(static_cast<double>(samples));
    PARE_RETURN_IF_ERROR(process_group->reduce_numbers(absl::MakeSpan(sums), Reduction::kSum));
    samples = static_cast<int64_t>(sums.back());
    sums.pop_back();
    traces = std::move(sums);
  }
  if (samples == 0) {
    return absl::InvalidArgumentError("the data loader gave no samples to take the traces of the Hessian from");
  }
  for (size_t i = 0; i < traces.size(); ++i) {
    traces[i] /= static_cast<double>(samples) * static_cast<double>(std::max<int64_t>(weights[i]->tensor().numel(), 1));
    if (!std::isfinite(traces[i])) {
      return absl::InternalError(absl::StrCat(weights[i]->name(), ": the trace of its Hessian is not finite"));
    }
  }
  return traces;
}

}  // namespace pare::quantization
