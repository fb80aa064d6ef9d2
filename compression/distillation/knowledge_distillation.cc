#include "compression/distillation/knowledge_distillation.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "graph/clone.h"
#include "graph/hooks.h"
#include "graph/state.h"

namespace pare::distillation {
namespace {

constexpr char kLastLoss[] = "last_loss";

absl::StatusOr<DistillationOptions> read_options(const AlgorithmConfig& config) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  DistillationOptions options;
  const std::string type = reader.one_of("type", "softmax", {"softmax", "mse"});
  options.kind = type == "mse" ? DistillationKind::kMse : DistillationKind::kSoftmax;
  options.scale = reader.number("scale", options.scale, {.min = 0});
  options.temperature = reader.number("temperature", options.temperature, {.min = 0});
  if (options.temperature == 0) reader.fail("temperature", "expected a number above 0, found 0");
  PARE_RETURN_IF_ERROR(reader.finish());
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KnowledgeDistillation>> KnowledgeDistillation::create(
    std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size) {
  PARE_ASSIGN_OR_RETURN(auto teacher, graph::clone_graph(model->graph(), {.without_transforms = true}));
  return create(std::move(model), config, input_size, std::make_unique<graph::Model>(std::move(teacher)));
}

absl::StatusOr<std::unique_ptr<KnowledgeDistillation>> KnowledgeDistillation::create(
    std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
    std::unique_ptr<graph::Model> teacher) {
  PARE_ASSIGN_OR_RETURN(const DistillationOptions options, read_options(config));
  graph::Graph& graph = model->graph();
  const graph::Node* producer = graph.output()->producer();
  if (producer == nullptr || (producer->schema() == nullptr && !producer->is_transform())) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.path, ": the method \"", config.name,
                     "\" compares the model's output with a teacher's, and expects one tensor; this model gives ",
                     producer == nullptr ? "its own input" : producer->op()));
  }
  if (teacher->graph().inputs().size() != graph.inputs().size()) {
    return absl::InvalidArgumentError(absl::StrCat(config.path, ": the teacher has ", teacher->graph().inputs().size(),
                                                   " inputs, the model ", graph.inputs().size(),
                                                   "; they get the same"));
  }
  auto probe = std::make_shared<DistillationProbe>(*model);
  probe->set_owner(absl::StrCat(config.name, " at ", config.path));
  std::unique_ptr<KnowledgeDistillation> method(new KnowledgeDistillation(std::move(model), config, input_size));
  // The output alone: where the network itself uses the same value, it stays as it is.
  PARE_ASSIGN_OR_RETURN(
      method->probe_, graph::insert_post_hook(graph, graph.output(), probe, graph.inputs(), {graph::Use{nullptr, 0}}));
  method->loss_ = std::make_unique<DistillationLoss>(std::move(probe), std::move(teacher), options);
  return method;
}

Statistics KnowledgeDistillation::statistics() const {
  int64_t parameters = 0;
  for (const graph::Value* value : loss_->teacher().graph().parameters()) parameters += value->tensor().numel();
  Statistics statistics;
  statistics.set("teacher_parameters", parameters);
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

nlohmann::json KnowledgeDistillation::state() const {
  nlohmann::json state = CompressionAlgorithm::state();
  if (const std::optional<double> last = loss_->last()) state[kLastLoss] = *last;
  return state;
}

absl::Status KnowledgeDistillation::set_state(const nlohmann::json& state) {
  PARE_RETURN_IF_ERROR(CompressionAlgorithm::set_state(state));
  const auto last = state.find(kLastLoss);
  if (last != state.end() && !last->is_number()) {
    return absl::InvalidArgumentError(absl::StrCat("the state of the method \"", config().name,
                                                   "\": expected a number under \"", kLastLoss,
                                                   "\"; the checkpoint is damaged"));
  }
  loss_->set_last(last == state.end() ? std::nullopt : std::optional<double>(last->get<double>()));
  return absl::OkStatus();
}

CompressionAlgorithm::StateTensors KnowledgeDistillation::state_tensors() const {
  return graph::get_state(loss_->teacher()).tensors;
}

absl::Status KnowledgeDistillation::set_state_tensors(const StateTensors& tensors) {
  graph::ModelState state = graph::get_state(loss_->teacher());
  state.tensors = tensors;
  const absl::Status status = graph::set_state(loss_->teacher(), state);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("the state of the method \"", config().name, "\": the teacher: ", status.message()));
}

absl::Status KnowledgeDistillation::prepare_for_export() {
  if (probe_ == nullptr) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(graph::remove_hook(model()->graph(), probe_));
  probe_ = nullptr;
  return absl::OkStatus();
}

}  // namespace pare::distillation
