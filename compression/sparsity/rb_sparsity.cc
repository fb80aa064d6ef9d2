#include "compression/sparsity/rb_sparsity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full_like.h>

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/weight_conflicts.h"
#include "compression/level_stage.h"
#include "compression/sparsity/masked_layers.h"
#include "compression/sparsity/sparsity_statistics.h"
#include "graph/hooks.h"
#include "ops/rb_mask.h"
#include "ops/sparsity_masks.h"
#include "schedulers/registry.h"

namespace pare::sparsity {
namespace {

constexpr double kInitialProbability = 0.99;

absl::StatusOr<RbSparsity::Layer> insert_rb_mask(graph::Model& model, WeightedLayer layer, uint64_t seed,
                                                 const AlgorithmConfig& config) {
  PARE_RETURN_IF_ERROR(check_weight_is_free(*layer.weight, WeightUse::kZeros, config));
  RbSparsity::Layer made;
  const double logit = std::log(kInitialProbability / (1 - kInitialProbability));
  PARE_ASSIGN_OR_RETURN(at::Tensor logits, guard_torch(layer.weight->name(), [&] {
                          const at::Tensor weight = layer.weight->tensor().detach();
                          return at::full_like(weight, logit, weight.options().dtype(at::kFloat)).requires_grad_(true);
                        }));
  PARE_ASSIGN_OR_RETURN(
      made.logits, model.graph().add_parameter(absl::StrCat(layer.weight->name(), ".rb_logits"), std::move(logits)));
  made.transform = std::make_shared<RbTransform>(model, seed);
  made.transform->set_owner(owner_of(config));
  PARE_ASSIGN_OR_RETURN(made.hook,
                        graph::insert_weight_hook(model.graph(), layer.weight, made.transform, {made.logits}));
  made.layer = std::move(layer);
  return made;
}

// What the model computes in evaluation mode.
at::Tensor sparse_weight(const RbSparsity::Layer& layer) {
  const at::Tensor weight = layer.layer.weight->tensor().detach();
  if (layer.logits == nullptr) return weight;
  return ops::rb_sparsify(weight, layer.logits->tensor().detach(), 0, 0, /*training=*/false);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RbSparsity>> RbSparsity::create(std::shared_ptr<graph::Model> model,
                                                               const AlgorithmConfig& config,
                                                               const InputSize& input_size) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  const double initial = reader.number("sparsity_init", 0.0, {.min = 0, .max = 1});
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());
  const bool is_local = params.one_of("sparsity_level_setting_mode", "global", {"global", "local"}) == "local";
  const auto seed = static_cast<uint64_t>(params.integer("seed", 0, {.min = 0, .max = 1e15}));

  PARE_ASSIGN_OR_RETURN(std::vector<WeightedLayer> found,
                        select_layers(find_weighted_layers(model->graph()), model->graph(), config));
  std::vector<Layer> layers;
  for (WeightedLayer& layer : found) {
    // Each layer a stream of its own: layers of one shape do not lose the same weights.
    const uint64_t layer_seed = seed + (static_cast<uint64_t>(layers.size()) << 50);
    PARE_ASSIGN_OR_RETURN(Layer made, insert_rb_mask(*model, std::move(layer), layer_seed, config));
    layers.push_back(std::move(made));
  }
  std::unique_ptr<RbSparsity> method(new RbSparsity(std::move(model), config, input_size, is_local, std::move(layers)));
  PARE_ASSIGN_OR_RETURN(method->schedule_,
                        make_level_schedule("sparsity", "exponential", params,
                                            {.initial = initial, .current_level = [loss = method->loss_.get()] {
                                               return loss->current_sparsity();
                                             }}));
  PARE_RETURN_IF_ERROR(params.finish());
  method->schedule_->set_listener([self = method.get()](const LevelSchedule& schedule) { self->follow(schedule); });
  method->follow(*method->schedule_);
  return method;
}

RbSparsity::RbSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size,
                       bool is_local, std::vector<Layer> layers)
    : CompressionAlgorithm(std::move(model), config, input_size), layers_(std::move(layers)) {
  std::vector<graph::Value*> logits;
  for (const Layer& layer : layers_) logits.push_back(layer.logits);
  set_own_parameters(logits);
  loss_ = std::make_unique<RbLoss>(std::move(logits), is_local);
}

void RbSparsity::follow(const LevelSchedule& schedule) {
  loss_->set_level(schedule.level());
  loss_->set_enabled(!schedule.is_frozen());
  for (Layer& layer : layers_) layer.transform->set_frozen(schedule.is_frozen());
}

CompressionStage RbSparsity::stage() const {
  // The schedule asks for a level; what counts is whether the masks have learned it.
  constexpr double kCloseEnough = 0.01;
  const CompressionStage stage = stage_of(*schedule_);
  if (stage != CompressionStage::kFullyCompressed || schedule_->is_frozen()) return stage;
  return loss_->current_sparsity() >= schedule_->target() - kCloseEnough ? stage
                                                                         : CompressionStage::kPartiallyCompressed;
}

Statistics RbSparsity::statistics() const {
  std::vector<LayerSparsity> rows;
  for (const Layer& layer : layers_) {
    rows.push_back({layer.layer.name, layer.layer.weight, ops::count_zeros(sparse_weight(layer))});
  }
  Statistics statistics;
  statistics.set("level", schedule_->level());
  statistics.set("target_level", schedule_->target());
  statistics.merge(sparsity_statistics(model()->graph(), rows, own_parameters()));
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

absl::Status RbSparsity::set_state(const nlohmann::json& state) {
  PARE_RETURN_IF_ERROR(CompressionAlgorithm::set_state(state));
  follow(*schedule_);
  return absl::OkStatus();
}

absl::Status RbSparsity::prepare_for_export() {
  graph::Graph& graph = model()->graph();
  loss_->release();
  for (Layer& layer : layers_) {
    if (layer.logits == nullptr) continue;
    PARE_RETURN_IF_ERROR(guard_torch(layer.layer.weight->name(), [&] {
      const at::NoGradGuard no_grad;
      at::Tensor weight = layer.layer.weight->tensor();
      weight.copy_(sparse_weight(layer));
    }));
    PARE_RETURN_IF_ERROR(graph::remove_hook(graph, layer.hook));
    PARE_RETURN_IF_ERROR(graph.remove_parameter(layer.logits));
    layer.logits = nullptr;
    layer.hook = nullptr;
  }
  set_own_parameters({});
  return absl::OkStatus();
}

}  // namespace pare::sparsity
