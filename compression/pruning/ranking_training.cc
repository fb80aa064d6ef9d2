#include "compression/pruning/ranking_training.h"

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "distributed/gradient_averager.h"
#include "distributed/synchronized_batch_norm.h"
#include "graph/device.h"

namespace pare::pruning {
namespace {

constexpr double kMomentum = 0.9;

// Of the CPU, which loaders may draw from, and of the model's device, where its dropout draws.
class RandomStates {
 public:
  explicit RandomStates(c10::Device device) {
    add(c10::Device(c10::kCPU));
    if (!device.is_cpu()) add(device);
  }
  void restore() {
    for (auto& [generator, state] : states_) {
      const std::lock_guard<std::mutex> lock(generator.mutex());
      generator.set_state(state);
    }
  }

 private:
  void add(c10::Device device) {
    at::Generator generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard<std::mutex> lock(generator.mutex());
    at::Tensor state = generator.get_state();
    states_.emplace_back(generator, std::move(state));
  }
  std::vector<std::pair<at::Generator, at::Tensor>> states_;
};

// Puts back what the model is made of when it goes.
class Snapshot {
 public:
  explicit Snapshot(graph::Model& model)
      : model_(model), was_training_(model.is_training()), random_(device_of(model.graph())) {
    for (const auto& values : {model.graph().parameters(), model.graph().buffers()}) {
      for (const graph::Value* value : values) {
        at::Tensor tensor = value->tensor();
        kept_.push_back({tensor, tensor.detach().clone(), tensor.grad()});
      }
    }
  }
  ~Snapshot() {
    const at::NoGradGuard no_grad;
    for (Kept& kept : kept_) {
      kept.tensor.detach().copy_(kept.copy);
      if (kept.tensor.is_leaf()) kept.tensor.mutable_grad() = kept.gradient;
    }
    random_.restore();
    model_.train(was_training_);
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  struct Kept {
    at::Tensor tensor, copy, gradient;
  };
  graph::Model& model_;
  bool was_training_;
  RandomStates random_;
  std::vector<Kept> kept_;
};

// One that has a sample for each process; a smaller one, the last of a pass, is left out by all.
absl::StatusOr<std::optional<data::Batch>> next_for_all(data::DataLoader& loader, int num_processes) {
  for (;;) {
    PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, loader.next());
    if (!batch.has_value() || batch->whole_size() >= num_processes) return batch;
  }
}

absl::StatusOr<data::Batch> next_batch(data::DataLoader& loader, const graph::Model& model, int num_processes) {
  PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, next_for_all(loader, num_processes));
  if (!batch.has_value()) {
    PARE_RETURN_IF_ERROR(loader.start_epoch(0));
    PARE_ASSIGN_OR_RETURN(batch, next_for_all(loader, num_processes));
  }
  if (!batch.has_value()) return absl::InvalidArgumentError("the data loader gives no batches to learn a ranking from");
  if (!batch->targets.defined()) {
    return absl::InvalidArgumentError("the data loader gives no targets, but a ranking is learned from a loss");
  }
  const c10::Device device = device_of(model.graph());
  return guard_torch("moving a batch to the model", [&] {
    for (at::Tensor& input : batch->inputs) input = input.to(device);
    batch->targets = batch->targets.to(device);
    return *std::move(batch);
  });
}

absl::StatusOr<at::Tensor> loss_of(graph::Model& model, const data::Batch& batch) {
  PARE_ASSIGN_OR_RETURN(const at::Tensor output, model.forward_tensor(batch.inputs));
  return guard_torch("the loss of a ranking", [&] { return at::cross_entropy_loss(output, batch.targets); });
}

}  // namespace

std::vector<double> importance_deviations(const std::vector<std::vector<double>>& filters) {
  std::vector<double> deviations;
  for (const std::vector<double>& layer : filters) {
    const auto count = static_cast<double>(layer.size());
    double sum = 0, squares = 0;
    for (const double each : layer) {
      sum += each;
      squares += each * each;
    }
    const double variance = std::max(0.0, squares / count - sum / count * (sum / count));
    deviations.push_back(squares > 0 ? std::sqrt(variance / squares) : 0.0);
  }
  return deviations;
}

absl::StatusOr<double> loss_after_training(graph::Model& model, data::DataLoader& loader,
                                           const std::function<absl::Status()>& prune,
                                           const RankingTrainingOptions& options, ProcessGroup* process_group) {
  const Snapshot snapshot(model);
  PARE_RETURN_IF_ERROR(prune());
  PARE_RETURN_IF_ERROR(loader.start_epoch(0));
  std::vector<std::pair<at::Tensor, at::Tensor>> velocities;  // of each parameter
  for (const at::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) velocities.emplace_back(parameter, at::zeros_like(parameter.detach()));
  }
  const int num_processes = is_distributed(process_group) ? process_group->size() : 1;
  std::optional<GradientAverager> averager;
  std::optional<SynchronizedBatchNorm> synchronized;
  if (is_distributed(process_group)) {
    averager.emplace(*process_group, model.parameters());
    synchronized.emplace(model, *process_group);
  }
  model.train();
  for (int64_t step = 0; step < options.train_steps; ++step) {
    PARE_ASSIGN_OR_RETURN(const data::Batch batch, next_batch(loader, model, num_processes));
    model.zero_grad();
    PARE_ASSIGN_OR_RETURN(const at::Tensor loss, loss_of(model, batch));
    if (averager) averager->start();
    PARE_RETURN_IF_ERROR(guard_torch("training to learn a ranking", [&] {
      (averager ? loss.mul(batch.weight_among(process_group->size())) : loss).backward();
    }));
    if (averager) PARE_RETURN_IF_ERROR(averager->finish());
    PARE_RETURN_IF_ERROR(guard_torch("training to learn a ranking", [&] {
      const at::NoGradGuard no_grad;
      for (auto& [parameter, velocity] : velocities) {
        if (!parameter.grad().defined()) continue;
        velocity.mul_(kMomentum).add_(parameter.grad());
        parameter.sub_(velocity, options.learning_rate);
      }
    }));
  }
  model.eval();
  const at::NoGradGuard no_grad;
  double sum = 0, samples = 0;
  for (int64_t i = 0; i < options.evaluation_batches; ++i) {
    PARE_ASSIGN_OR_RETURN(const data::Batch batch, next_batch(loader, model, num_processes));
    PARE_ASSIGN_OR_RETURN(const at::Tensor loss, loss_of(model, batch));
    const auto size = static_cast<double>(batch.size());
    sum += loss.item<double>() * size;
    samples += size;
  }
  if (is_distributed(process_group)) {
    double numbers[] = {sum, samples};
    PARE_RETURN_IF_ERROR(process_group->reduce_numbers(absl::MakeSpan(numbers), Reduction::kSum));
    sum = numbers[0];
    samples = numbers[1];
  }
  return sum / samples;
}

}  // namespace pare::pruning
