#include "compression/quantization/batch_norm_adaptation.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/sample_stream.h"
#include "compression/quantization/range_initializer.h"
#include "distributed/agree.h"
#include "distributed/synchronized_batch_norm.h"

namespace pare::quantization {

namespace {

// Of the samples, this share is held out, and never more than so many.
constexpr int64_t kHeldOutShare = 5;
constexpr int64_t kMostHeldOut = 256;

struct BatchNorm {
  graph::Node* node;
  graph::Value* running_mean;
  graph::Value* running_var;
};

std::vector<BatchNorm> find_batch_norms(const graph::Graph& graph) {
  std::vector<BatchNorm> found;
  for (graph::Node* node : graph.nodes()) {
    if (node->op() != "aten::batch_norm") continue;
    const BatchNorm norm{node, node->argument("running_mean"), node->argument("running_var")};
    const auto holds_tensor = [](const graph::Value* v) { return v->is_buffer() || v->is_parameter(); };
    // One that is frozen in its mode has statistics that are not ours to change.
    const bool follows_mode = node->argument("training")->kind() == graph::Value::Kind::kTraining;
    if (follows_mode && holds_tensor(norm.running_mean) && holds_tensor(norm.running_var)) found.push_back(norm);
  }
  return found;
}

// The running statistics as they were, to go back to.
class SavedStatistics {
 public:
  explicit SavedStatistics(const std::vector<BatchNorm>& norms) {
    for (const BatchNorm& norm : norms) {
      for (graph::Value* value : {norm.running_mean, norm.running_var}) {
        saved_.emplace_back(value->tensor(), value->tensor().clone());
      }
    }
  }
  void restore() const {
    for (const auto& [tensor, copy] : saved_) tensor.copy_(copy);
  }

 private:
  std::vector<std::pair<at::Tensor, at::Tensor>> saved_;
};

// Sets an input of each batch norm to a constant; the function that it returns puts the old inputs back.
absl::StatusOr<std::function<void()>> set_inputs(graph::Graph& graph, const std::vector<BatchNorm>& norms,
                                                 const char* argument, c10::IValue constant) {
  struct Before {
    graph::Node* node;
    graph::Value* value;  // nullptr: a constant, which the graph forgets once nothing uses it
    c10::IValue constant;
  };
  std::vector<Before> before;
  for (const BatchNorm& norm : norms) {
    graph::Value* old = norm.node->argument(argument);
    before.push_back(old->is_constant() ? Before{norm.node, nullptr, old->constant()} : Before{norm.node, old, {}});
    PARE_RETURN_IF_ERROR(graph.set_input(norm.node, norm.node->argument_index(argument), graph.add_constant(constant)));
  }
  return std::function<void()>([&graph, before, argument] {
    for (const auto& [node, value, constant] : before) {
      graph::Value* old = value != nullptr ? value : graph.add_constant(constant);
      graph.set_input(node, node->argument_index(argument), old).IgnoreError();
    }
  });
}

using MomentsByStatistics = std::map<const graph::Value*, RunningMoments>;

// A part without a sample to run: what takes part in the exchanges of a batch and counts nothing.
at::Tensor stand_in_for(const at::Tensor& input) {
  std::vector<int64_t> shape = input.sizes().vec();
  shape[0] = 1;
  return at::zeros(shape, input.options());
}

// Runs the samples after the first `skip` with batch statistics and gathers each batch norm's moments, by its
// running_mean: a module used twice has two nodes and one pair of statistics.
absl::StatusOr<MomentsByStatistics> gather_moments(graph::Model& model, data::DataLoader& loader, int64_t skip,
                                                   int64_t num_samples, ProcessGroup* process_group) {
  graph::Graph& graph = model.graph();
  std::optional<SynchronizedBatchNorm> synchronized;
  if (is_distributed(process_group)) {
    synchronized.emplace(model, *process_group, SynchronizedBatchNorm::Modes::kEvery);
  }
  const std::vector<BatchNorm> norms = find_batch_norms(graph);  // the synchronized ones
  // With a momentum of 1 the running statistics after a node has run are those of its batch.
  PARE_ASSIGN_OR_RETURN(const auto restore_training, set_inputs(graph, norms, "training", true));
  const absl::Cleanup put_training_back = [&] { restore_training(); };
  PARE_ASSIGN_OR_RETURN(const auto restore_momentum, set_inputs(graph, norms, "momentum", 1.0));
  const absl::Cleanup put_momentum_back = [&] { restore_momentum(); };

  MomentsByStatistics moments;
  std::map<const graph::Node*, const BatchNorm*> by_node;
  for (const BatchNorm& norm : norms) by_node[norm.node] = &norm;
  int64_t samples_run = 0, samples_of_all = 0;  // of the batch under way
  model.set_observer([&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    const auto found = by_node.find(&node);
    if (found == by_node.end()) return;
    const BatchNorm& norm = *found->second;
    const at::Tensor& mean = norm.running_mean->tensor();
    const int64_t values_run = outputs[0].toTensor().numel() / std::max<int64_t>(mean.numel(), 1);
    moments[norm.running_mean].add(mean, norm.running_var->tensor(), values_run * samples_of_all / samples_run);
  });
  const absl::Cleanup stop_observing = [&] { model.set_observer(nullptr); };

  const auto run = [&](SampleBatch batch) -> absl::Status {
    samples_of_all = batch.whole_size - std::clamp(skip - batch.first_of_whole, int64_t{0}, batch.whole_size);
    if (samples_of_all == 0) return absl::OkStatus();
    const int64_t size = batch.inputs[0].size(0), skipped = std::clamp(skip - batch.first, int64_t{0}, size);
    const bool has_samples = skipped < size;
    samples_run = has_samples ? size - skipped : 1;
    for (at::Tensor& input : batch.inputs) {
      input = has_samples ? input.narrow(0, skipped, samples_run) : stand_in_for(input);
    }
    if (synchronized) synchronized->set_counts(has_samples);
    const absl::Status status = model.forward_tensor(batch.inputs).status();
    return synchronized && !synchronized->status().ok() ? synchronized->status() : status;
  };
  PARE_RETURN_IF_ERROR(for_each_batch_together(model, loader, skip + num_samples, process_group, run).status());
  return moments;
}

double mean_squared_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.to(c10::kDouble).sub(b).pow(2).mean().item<double>();
}

struct HeldOut {
  std::vector<std::vector<at::Tensor>> inputs;
  std::vector<at::Tensor> expected;

  absl::StatusOr<double> error_of(graph::Model& model, ProcessGroup* process_group) const {
    double sum = 0, count = 0;
    const auto run = [&]() -> absl::Status {
      for (size_t i = 0; i < inputs.size(); ++i) {
        PARE_ASSIGN_OR_RETURN(const at::Tensor output, model.forward_tensor(inputs[i]));
        sum += mean_squared_difference(output, expected[i]) * inputs[i][0].size(0);
        count += static_cast<double>(inputs[i][0].size(0));
      }
      return absl::OkStatus();
    };
    PARE_RETURN_IF_ERROR(agree(process_group, run()));
    if (is_distributed(process_group)) {
      double numbers[] = {sum, count};
      PARE_RETURN_IF_ERROR(process_group->reduce_numbers(absl::MakeSpan(numbers), Reduction::kSum));
      sum = numbers[0];
      count = numbers[1];
    }
    return sum / count;
  }
};

absl::StatusOr<HeldOut> hold_out(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                                 data::DataLoader& loader, int64_t num_held_out) {
  const QuantizersOff quantizers_off(quantizers);
  HeldOut held_out;
  const auto keep = [&](SampleBatch batch) -> absl::Status {
    PARE_ASSIGN_OR_RETURN(at::Tensor output, model.forward_tensor(batch.inputs));
    held_out.inputs.push_back(std::move(batch.inputs));
    held_out.expected.push_back(std::move(output));
    return absl::OkStatus();
  };
  PARE_RETURN_IF_ERROR(for_each_batch(model, loader, num_held_out, keep).status());
  return held_out;
}

}  // namespace

std::string to_string(BatchNormAdaptation::Outcome outcome) {
  switch (outcome) {
    case BatchNormAdaptation::Outcome::kNothingToDo:
      return "nothing to do";
    case BatchNormAdaptation::Outcome::kKept:
      return "kept";
    case BatchNormAdaptation::Outcome::kReverted:
      return "reverted";
    case BatchNormAdaptation::Outcome::kNotPossible:
      break;
  }
  return "not possible";
}

void to_json(nlohmann::json& json, const BatchNormAdaptation& adaptation) {
  json = {static_cast<int>(adaptation.outcome),
          adaptation.num_batch_norms,
          adaptation.num_samples,
          adaptation.num_held_out,
          adaptation.error_before,
          adaptation.error_after};
}

void from_json(const nlohmann::json& json, BatchNormAdaptation& adaptation) {
  adaptation = {static_cast<BatchNormAdaptation::Outcome>(json.at(0).get<int>()),
                json.at(1),
                json.at(2),
                json.at(3),
                json.at(4),
                json.at(5)};
}

void RunningMoments::add(const at::Tensor& mean, const at::Tensor& unbiased_variance, int64_t count) {
  if (count < 2) return;
  const at::Tensor new_mean = mean.to(c10::kDouble, /*non_blocking=*/false, /*copy=*/true);
  const at::Tensor new_squares = unbiased_variance.to(c10::kDouble).mul(static_cast<double>(count - 1));
  if (count_ == 0) {
    mean_ = new_mean;
    squares_ = new_squares;
    count_ = count;
    return;
  }
  const double total = static_cast<double>(count_ + count);
  const at::Tensor distance = new_mean.sub(mean_);
  squares_ = squares_.add(new_squares).add(distance.pow(2).mul(static_cast<double>(count_) * count / total));
  mean_ = mean_.add(distance.mul(count / total));
  count_ += count;
}

at::Tensor RunningMoments::unbiased_variance() const { return squares_.div(static_cast<double>(count_ - 1)); }

absl::StatusOr<BatchNormAdaptation> adapt_batch_norms(graph::Model& model,
                                                      const std::vector<InsertedQuantizer>& quantizers,
                                                      data::DataLoader& loader, int64_t num_samples,
                                                      ProcessGroup* process_group) {
  BatchNormAdaptation result;
  const std::vector<BatchNorm> norms = find_batch_norms(model.graph());
  result.num_batch_norms = static_cast<int64_t>(norms.size());
  if (num_samples <= 0 || norms.empty()) return result;
  const int64_t available = std::min(num_samples, loader.num_samples());
  result.num_held_out = std::min(available / kHeldOutShare, kMostHeldOut);
  result.num_samples = available - result.num_held_out;
  if (result.num_held_out == 0) {
    result.outcome = BatchNormAdaptation::Outcome::kNotPossible;
    log_warning(absl::StrCat("batch norms are not adapted: ", available, " samples are too few to see if it helps"));
    return result;
  }
  if (available < num_samples) {
    log_info(absl::StrCat("batch norm adaptation: ", available, " samples, all that there are, for the ", num_samples,
                          " asked for"));
  }

  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation_mode(model);
  const absl::StatusOr<HeldOut> held = hold_out(model, quantizers, loader, result.num_held_out);
  PARE_RETURN_IF_ERROR(agree(process_group, held.status()));
  const HeldOut& held_out = *held;
  PARE_ASSIGN_OR_RETURN(result.error_before, held_out.error_of(model, process_group));

  const SavedStatistics saved(norms);
  const absl::StatusOr<MomentsByStatistics> moments =
      gather_moments(model, loader, result.num_held_out, result.num_samples, process_group);
  saved.restore();
  // A group that has failed is the caller's business; a batch that could not be run is told of by a warning.
  if (absl::IsUnavailable(moments.status())) return moments.status();
  if (!moments.ok()) {
    result.outcome = BatchNormAdaptation::Outcome::kNotPossible;
    log_warning(absl::StrCat("batch norms are not adapted: ", moments.status().message(),
                             "; give the data loader larger batches, or set num_bn_adaptation_samples to 0"));
    return result;
  }
  for (const BatchNorm& norm : norms) {
    const auto seen = moments->find(norm.running_mean);
    if (seen == moments->end() || seen->second.count() < 2) continue;
    norm.running_mean->tensor().copy_(seen->second.mean());
    norm.running_var->tensor().copy_(seen->second.unbiased_variance());
  }
  PARE_ASSIGN_OR_RETURN(result.error_after, held_out.error_of(model, process_group));
  // Written so that a NaN goes back, too.
  const bool is_better = result.error_after < result.error_before;
  if (!is_better) saved.restore();
  result.outcome = is_better ? BatchNormAdaptation::Outcome::kKept : BatchNormAdaptation::Outcome::kReverted;
  log_info(absl::StrCat("batch norm adaptation over ", result.num_samples, " samples ", to_string(result.outcome),
                        ": the squared error of ", result.num_held_out, " held-out outputs went from ",
                        result.error_before, " to ", result.error_after));
  return result;
}

}  // namespace pare::quantization
