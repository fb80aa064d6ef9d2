#include "compression/sparsity/n_of_m_sparsity.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/sparsity/sparsity_statistics.h"
#include "ops/sparsity_masks.h"

namespace pare::sparsity {

class NOfMSparsity::Schedule : public CompressionScheduler {
 public:
  explicit Schedule(NOfMSparsity& method) : method_(method) {}

  void epoch_step(std::optional<int64_t> last) override {
    const bool was_frozen = is_frozen();
    CompressionScheduler::epoch_step(last);
    if (!was_frozen && has_started()) method_.take_masks();
  }

  int64_t epochs_needed() const override { return method_.settings_.start_epoch; }
  bool has_started() const { return current_epoch() + 1 >= method_.settings_.start_epoch; }
  bool is_frozen() const { return current_epoch() + 1 >= method_.settings_.freeze_epoch; }

 private:
  NOfMSparsity& method_;
};

absl::StatusOr<std::unique_ptr<NOfMSparsity>> NOfMSparsity::create(std::shared_ptr<graph::Model> model,
                                                                   const AlgorithmConfig& config,
                                                                   const InputSize& input_size) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());
  Settings settings;
  settings.m = params.integer("m", settings.m, {.min = 1, .max = 32});
  settings.n =
      params.integer("n", std::min(settings.n, settings.m), {.min = 1, .max = static_cast<double>(settings.m)});
  settings.start_epoch = params.integer("start_epoch", 0, {.min = 0});
  settings.freeze_epoch =
      params.integer("freeze_epoch", settings.start_epoch, {.min = static_cast<double>(settings.start_epoch)});
  PARE_RETURN_IF_ERROR(params.finish());

  graph::Graph& graph = model->graph();
  const auto holds_the_pattern = [&](const WeightedLayer& layer) {
    return layer.kind != LayerKind::kEmbedding && layer.input_axis.has_value() &&
           layer.weight->tensor().size(*layer.input_axis) >= settings.m;
  };
  PARE_ASSIGN_OR_RETURN(std::vector<WeightedLayer> layers,
                        select_layers(find_weighted_layers(graph), graph, config, holds_the_pattern));
  PARE_ASSIGN_OR_RETURN(std::vector<MaskedLayer> masked, mask_layers(graph, std::move(layers), config));
  return guard_torch(config.path, [&] {
    return std::unique_ptr<NOfMSparsity>(
        new NOfMSparsity(std::move(model), config, input_size, settings, std::move(masked)));
  });
}

NOfMSparsity::NOfMSparsity(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
                           const InputSize& input_size, Settings settings, std::vector<MaskedLayer> layers)
    : CompressionAlgorithm(std::move(model), config, input_size),
      settings_(settings),
      layers_(std::move(layers)),
      schedule_(std::make_unique<Schedule>(*this)) {
  if (schedule_->has_started()) take_masks();
}

NOfMSparsity::~NOfMSparsity() = default;

void NOfMSparsity::take_masks() {
  for (MaskedLayer& layer : layers_) {
    if (layer.mask == nullptr) return;  // prepared for export: the zeros are fixed
    layer.set_mask(ops::n_of_m_mask(layer.weight(), settings_.n, settings_.m, *layer.layer.input_axis));
  }
}

CompressionScheduler& NOfMSparsity::scheduler() { return *schedule_; }

CompressionStage NOfMSparsity::stage() const {
  return schedule_->has_started() ? CompressionStage::kFullyCompressed : CompressionStage::kUncompressed;
}

Statistics NOfMSparsity::statistics() const {
  std::vector<LayerSparsity> rows;
  for (const MaskedLayer& layer : layers_) rows.push_back({layer.layer.name, layer.layer.weight, layer.num_zeros()});
  Statistics statistics;
  statistics.set("n", settings_.n);
  statistics.set("m", settings_.m);
  statistics.merge(sparsity_statistics(model()->graph(), rows, {}));
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

absl::Status NOfMSparsity::prepare_for_export() { return fold_masks(model()->graph(), layers_); }

}  // namespace pare::sparsity
