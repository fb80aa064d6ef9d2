#include "compression/sparsity/movement_sparsity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/weight_conflicts.h"
#include "compression/sparsity/masked_layers.h"
#include "compression/sparsity/sparsity_statistics.h"
#include "graph/hooks.h"
#include "nlohmann/json.hpp"
#include "ops/order_statistics.h"
#include "ops/sparsity_masks.h"

namespace pare::sparsity {
namespace {

absl::StatusOr<MovementSparsity::Layer> insert_movement_mask(graph::Graph& graph, WeightedLayer layer, Cell cell,
                                                             const AlgorithmConfig& config) {
  const std::string& name = layer.weight->name();
  at::Tensor scores, mask;
  PARE_RETURN_IF_ERROR(guard_torch(name, [&] {
    const at::Tensor weight = layer.weight->tensor().detach();
    scores = at::zeros({weight.size(0) / cell.rows, weight.size(1) / cell.columns}, weight.options().dtype(at::kFloat));
    scores.requires_grad_(true);
    mask = at::ones_like(weight, weight.options().dtype(at::kBool));
  }));
  MovementSparsity::Layer made;
  PARE_ASSIGN_OR_RETURN(made.scores, graph.add_parameter(absl::StrCat(name, ".movement_scores"), std::move(scores)));
  PARE_ASSIGN_OR_RETURN(made.mask, graph.add_buffer(absl::StrCat(name, ".movement_mask"), std::move(mask)));
  made.transform = std::make_shared<MovementTransform>(cell);
  made.transform->set_owner(owner_of(config));
  PARE_ASSIGN_OR_RETURN(made.hook,
                        graph::insert_weight_hook(graph, layer.weight, made.transform, {made.scores, made.mask}));
  made.layer = std::move(layer);
  return made;
}

// The greatest number that no more than 0.1 % of the weights have scores up to, ties and all.
double choose_init_threshold(const std::vector<MovementSparsity::Layer>& layers) {
  constexpr double kMasked = 0.001;
  std::vector<at::Tensor> scores;
  for (const MovementSparsity::Layer& layer : layers) {
    scores.push_back(expand_cells(layer.scores->tensor().detach(), layer.transform->cell()).flatten());
  }
  const at::Tensor all = at::cat(scores);
  const auto rank = static_cast<int64_t>(static_cast<double>(all.numel()) * kMasked);
  const float first_kept = ops::order_statistics(all, -1, {rank}).item<float>();
  return std::nextafter(first_kept, -std::numeric_limits<float>::infinity());
}

struct MaskedWeights {
  int64_t masked = 0, all = 0;
  std::string percent() const {
    return absl::StrCat(std::round(1000.0 * static_cast<double>(masked) / static_cast<double>(all)) / 10, " %");
  }
};

// Of the layers that structures have rows or columns of.
MaskedWeights count_masked(const MovementStructures& structures, const std::vector<at::Tensor>& masks) {
  const auto has_any = [](const std::vector<int64_t>& places) {
    return std::any_of(places.begin(), places.end(), [](int64_t place) { return place >= 0; });
  };
  MaskedWeights count;
  for (size_t i = 0; i < masks.size(); ++i) {
    const MovementStructures::Places& places = structures.places()[i];
    if (!has_any(places.rows) && !has_any(places.columns)) continue;
    count.masked += masks[i].logical_not().sum().item<int64_t>();
    count.all += masks[i].numel();
  }
  return count;
}

absl::StatusOr<MovementStructures> find_structures(graph::Model& model, const InputSize& input_size,
                                                   const std::vector<WeightedLayer>& layers,
                                                   const AlgorithmConfig& config) {
  auto found = MovementStructures::find(model, input_size, layers);
  if (!found.ok()) {
    return absl::Status(found.status().code(),
                        absl::StrCat(config.path,
                                     ".params.enable_structured_masking: the model's structures are not "
                                     "found: ",
                                     found.status().message(), "; false does without them"));
  }
  if (found->size() == 0) {
    log_warning(absl::StrCat(config.path, ": the method \"", config.name,
                             "\" finds no attention head and no inner channel all of whose linear layers are in its "
                             "scopes: masks stay as they are learned, without structure"));
  }
  return found;
}

}  // namespace

at::Tensor MovementSparsity::Layer::sparse_weight() const {
  const at::Tensor weight = layer.weight->tensor().detach();
  return scores == nullptr ? weight : transform->forward({weight, scores->tensor().detach(), mask->tensor()});
}

absl::StatusOr<std::unique_ptr<MovementSparsity>> MovementSparsity::create(std::shared_ptr<graph::Model> model,
                                                                           const AlgorithmConfig& config,
                                                                           const InputSize& input_size) {
  graph::Graph& graph = model->graph();
  PARE_ASSIGN_OR_RETURN(MovementConfig settings, MovementConfig::parse(config, graph));
  const auto is_matrix = [](const WeightedLayer& layer) {
    return layer.kind == LayerKind::kLinear && layer.weight->tensor().dim() == 2;
  };
  PARE_ASSIGN_OR_RETURN(std::vector<WeightedLayer> found,
                        select_layers(find_weighted_layers(graph), graph, config, is_matrix));
  if (config.validate_scopes) {
    PARE_RETURN_IF_ERROR(settings.check_all_used(found));
  }
  // All that may be wrong with the config before the graph is changed.
  std::vector<Cell> cells;
  for (const WeightedLayer& layer : found) {
    PARE_RETURN_IF_ERROR(check_weight_is_free(*layer.weight, WeightUse::kZeros, config));
    PARE_ASSIGN_OR_RETURN(const Cell cell, settings.cell_of(layer));
    cells.push_back(cell);
  }
  MovementStructures structures;
  if (settings.resolves_structures) {
    PARE_ASSIGN_OR_RETURN(structures, find_structures(*model, input_size, found, config));
  }
  std::vector<Layer> layers;
  for (size_t i = 0; i < found.size(); ++i) {
    PARE_ASSIGN_OR_RETURN(Layer made, insert_movement_mask(graph, std::move(found[i]), cells[i], config));
    layers.push_back(std::move(made));
  }
  return std::unique_ptr<MovementSparsity>(new MovementSparsity(
      std::move(model), config, input_size, std::move(settings), std::move(structures), std::move(layers)));
}

MovementSparsity::MovementSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
                                   const InputSize& input_size, MovementConfig settings, MovementStructures structures,
                                   std::vector<Layer> layers)
    : CompressionAlgorithm(std::move(model), config, input_size),
      settings_(std::move(settings)),
      structures_(std::move(structures)),
      layers_(std::move(layers)),
      schedule_(settings_),
      init_threshold_(settings_.init_threshold) {
  std::vector<graph::Value*> scores;
  for (const Layer& layer : layers_) scores.push_back(layer.scores);
  set_own_parameters(scores);
  loss_ = std::make_unique<MovementLoss>(std::move(scores));
  schedule_.set_listener([this](const LevelSchedule&) { follow(); });
}

double MovementSparsity::threshold() const {
  const double level = schedule_.level();
  if (is_frozen_) return settings_.final_threshold;
  if (level <= 0 || !init_threshold_.has_value()) return MovementTransform::kKeepsAll;
  return settings_.final_threshold - (settings_.final_threshold - *init_threshold_) * (1 - level);
}

void MovementSparsity::follow() {
  if (own_parameters().empty()) return;  // prepared for export: the zeros are fixed
  const double level = schedule_.level();
  if (!is_frozen_ && level > 0 && !init_threshold_.has_value()) {
    init_threshold_ = std::min(choose_init_threshold(layers_), settings_.final_threshold);
    constexpr int64_t kFewSteps = 10;
    const int64_t steps = schedule_.current_step() + 1;
    if (steps < kFewSteps) {
      log_warning(
          absl::StrCat(config().path, ".params.init_importance_threshold: chosen after ", steps,
                       " optimizer step(s), when scores have hardly moved from 0: up to half of the weights may "
                       "be masked in the next ones; set it, or start at a later warmup_start_epoch"));
    }
  }
  if (!is_frozen_ && schedule_.is_over()) freeze();
  loss_->set_factor(is_frozen_ ? 0.0 : settings_.factor * level);
  for (Layer& layer : layers_) {
    layer.transform->set_threshold(threshold());
    layer.transform->set_frozen(is_frozen_);
  }
}

void MovementSparsity::freeze() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> masks;
  for (const Layer& layer : layers_) {
    masks.push_back(movement_mask(layer.scores->tensor(), layer.transform->cell(), settings_.final_threshold));
  }
  if (structures_.size() > 0 && structures_.fit(masks)) {
    const MaskedWeights learned = count_masked(structures_, masks);
    masks = structures_.resolve(masks);
    const MaskedWeights resolved = count_masked(structures_, masks);
    if (learned.masked > 2 * resolved.masked) {
      log_warning(absl::StrCat(config().path,
                               ": whole heads and units are masked now, and more than half of the masked "
                               "weights came back, since a structure dies only if all of its rows and columns are "
                               "masked: of its layers' weights ",
                               learned.percent(), " had been masked, and ", resolved.percent(),
                               " are; in sparse_structure_by_scopes give all layers of a structure "
                               "mode block or per_dim, or set enable_structured_masking to false"));
    }
  } else if (structures_.size() > 0) {
    log_warning(absl::StrCat(config().path,
                             ": channels have been cut out of the model since its structures were found: masks stay as "
                             "they are learned; cut at export, or at the end of the warm-up at the earliest"));
  }
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (!masks[i].any().item<bool>()) {
      log_warning(absl::StrCat(config().path, ": the layer ", layers_[i].layer.name,
                               " has lost all its weights: lower importance_regularization_factor, or the final "
                               "threshold, or name the layer in ignored_scopes"));
    }
    layers_[i].mask->tensor().copy_(masks[i]);
  }
  is_frozen_ = true;
}

CompressionStage MovementSparsity::stage() const {
  if (is_frozen_) return CompressionStage::kFullyCompressed;
  return schedule_.level() > 0 ? CompressionStage::kPartiallyCompressed : CompressionStage::kUncompressed;
}

Statistics MovementSparsity::statistics() const {
  std::vector<LayerSparsity> rows;
  std::vector<at::Tensor> kept;
  for (const Layer& layer : layers_) {
    const at::Tensor weight = layer.sparse_weight();
    rows.push_back({layer.layer.name, layer.layer.weight, ops::count_zeros(weight)});
    kept.push_back(weight.ne(0));
  }
  Statistics statistics;
  if (threshold() != MovementTransform::kKeepsAll) statistics.set("threshold", threshold());
  statistics.set("factor", loss_->factor());
  if (settings_.resolves_structures && structures_.fit(kept)) {
    const std::vector<bool> living = structures_.living(kept);
    statistics.set("structures", structures_.size());
    statistics.set("dead_structures", std::count(living.begin(), living.end(), false));
  }
  statistics.merge(sparsity_statistics(model()->graph(), rows, own_parameters()));
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

nlohmann::json MovementSparsity::state() const {
  nlohmann::json state = CompressionAlgorithm::state();
  state["frozen"] = is_frozen_;
  state["init_threshold"] = init_threshold_.has_value() ? nlohmann::json(*init_threshold_) : nlohmann::json();
  return state;
}

absl::Status MovementSparsity::set_state(const nlohmann::json& state) {
  const auto init = state.is_object() ? state.find("init_threshold") : state.end();
  if (!state.is_object() || init == state.end() || !(init->is_number() || init->is_null()) ||
      !state.contains("frozen") || !state["frozen"].is_boolean()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the state of the method \"", config().name,
        "\": expected \"frozen\", a boolean, and \"init_threshold\", a number or null; the checkpoint is damaged or of "
        "another method"));
  }
  PARE_RETURN_IF_ERROR(CompressionAlgorithm::set_state(state));
  // Before follow(): the masks have come with the model's state, and are not to be made again.
  is_frozen_ = state["frozen"].get<bool>();
  init_threshold_ = init->is_null() ? settings_.init_threshold : init->get<double>();
  return guard_torch(config().path, [&] { follow(); });
}

absl::Status MovementSparsity::prepare_for_export() {
  graph::Graph& graph = model()->graph();
  loss_->release();
  for (Layer& layer : layers_) {
    if (layer.scores == nullptr) continue;
    PARE_RETURN_IF_ERROR(guard_torch(layer.layer.weight->name(), [&] {
      const at::NoGradGuard no_grad;
      at::Tensor weight = layer.layer.weight->tensor();
      weight.copy_(layer.sparse_weight());
    }));
    PARE_RETURN_IF_ERROR(graph::remove_hook(graph, layer.hook));
    PARE_RETURN_IF_ERROR(graph.remove_parameter(layer.scores));
    PARE_RETURN_IF_ERROR(graph.remove_parameter(layer.mask));
    layer.scores = layer.mask = nullptr;
    layer.hook = nullptr;
  }
  set_own_parameters({});
  return absl::OkStatus();
}

}  // namespace pare::sparsity
