#include "compression/sparsity/magnitude_sparsity.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/sparsity/sparsity_statistics.h"
#include "nlohmann/json.hpp"
#include "ops/sparsity_masks.h"
#include "schedulers/registry.h"

namespace pare::sparsity {

absl::StatusOr<std::unique_ptr<MagnitudeSparsity>> MagnitudeSparsity::create(std::shared_ptr<graph::Model> model,
                                                                             const AlgorithmConfig& config,
                                                                             const InputSize& input_size) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  const double initial = reader.number("sparsity_init", 0.0, {.min = 0, .max = 1});
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());
  Settings settings;
  const std::string importance = params.one_of("weight_importance", "normed_abs", {"normed_abs", "abs"});
  settings.importance = importance == "abs" ? ops::Importance::kAbs : ops::Importance::kNormedAbs;
  settings.is_local = params.one_of("sparsity_level_setting_mode", "global", {"global", "local"}) == "local";
  PARE_ASSIGN_OR_RETURN(auto schedule, make_level_schedule("sparsity", "polynomial", params, {.initial = initial}));
  PARE_RETURN_IF_ERROR(params.finish());

  graph::Graph& graph = model->graph();
  PARE_ASSIGN_OR_RETURN(std::vector<WeightedLayer> layers, select_layers(find_weighted_layers(graph), graph, config));
  PARE_ASSIGN_OR_RETURN(std::vector<MaskedLayer> masked, mask_layers(graph, std::move(layers), config));
  return guard_torch(config.path, [&] {
    return std::unique_ptr<MagnitudeSparsity>(
        new MagnitudeSparsity(std::move(model), config, input_size, settings, std::move(schedule), std::move(masked)));
  });
}

MagnitudeSparsity::MagnitudeSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
                                     const InputSize& input_size, Settings settings,
                                     std::unique_ptr<LevelSchedule> schedule, std::vector<MaskedLayer> layers)
    : CompressionAlgorithm(std::move(model), config, input_size),
      settings_(settings),
      schedule_(std::move(schedule)),
      layers_(std::move(layers)) {
  schedule_->set_listener([this](const LevelSchedule& schedule) { set_level(schedule.level()); });
  set_level(schedule_->level());
}

void MagnitudeSparsity::set_level(double level) {
  const auto mask_together = [&](const std::vector<MaskedLayer*>& layers) {
    if (level <= 0) {
      for (MaskedLayer* layer : layers) layer->mask->tensor().fill_(true);
      threshold_ = 0.0;
      return;
    }
    std::vector<at::Tensor> weights;
    for (const MaskedLayer* layer : layers) weights.push_back(layer->weight());
    const ops::MagnitudeThreshold found = ops::magnitude_threshold(weights, level, settings_.importance);
    for (size_t i = 0; i < layers.size(); ++i) {
      layers[i]->set_mask(ops::magnitude_mask(weights[i], found.threshold, found.scales[i]));
    }
    threshold_ = found.threshold;
  };
  std::vector<MaskedLayer*> all;
  for (MaskedLayer& layer : layers_) {
    if (layer.mask == nullptr) return;  // prepared for export: the zeros are fixed
    if (settings_.is_local) mask_together({&layer});
    all.push_back(&layer);
  }
  if (!settings_.is_local) mask_together(all);
}

// The masks are the model's; the threshold that they were taken by is not found in them.
nlohmann::json MagnitudeSparsity::state() const {
  nlohmann::json state = CompressionAlgorithm::state();
  state["threshold"] = threshold_;
  return state;
}

absl::Status MagnitudeSparsity::set_state(const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("threshold") || !state["threshold"].is_number()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the state of magnitude_sparsity: expected a number under \"threshold\"; the checkpoint is damaged, "
        "or of another version"));
  }
  PARE_RETURN_IF_ERROR(CompressionAlgorithm::set_state(state));
  threshold_ = state["threshold"].get<double>();
  return absl::OkStatus();
}

Statistics MagnitudeSparsity::statistics() const {
  std::vector<LayerSparsity> rows;
  for (const MaskedLayer& layer : layers_) rows.push_back({layer.layer.name, layer.layer.weight, layer.num_zeros()});
  Statistics statistics;
  statistics.set("level", schedule_->level());
  statistics.set("target_level", schedule_->target());
  if (!settings_.is_local) statistics.set("threshold", threshold_);
  statistics.merge(sparsity_statistics(model()->graph(), rows, {}));
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

absl::Status MagnitudeSparsity::prepare_for_export() { return fold_masks(model()->graph(), layers_); }

}  // namespace pare::sparsity
