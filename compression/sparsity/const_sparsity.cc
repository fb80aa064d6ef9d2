#include "compression/sparsity/const_sparsity.h"

#include <ATen/ops/ne.h>

#include <utility>

#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/sparsity/sparsity_statistics.h"

namespace pare::sparsity {

absl::StatusOr<std::unique_ptr<ConstSparsity>> ConstSparsity::create(std::shared_ptr<graph::Model> model,
                                                                     const AlgorithmConfig& config,
                                                                     const InputSize& input_size) {
  config::ObjectReader reader(config.object, config.path);
  accept_common_keys(reader);
  PARE_RETURN_IF_ERROR(reader.finish());
  graph::Graph& graph = model->graph();
  PARE_ASSIGN_OR_RETURN(std::vector<WeightedLayer> layers, select_layers(find_weighted_layers(graph), graph, config));
  std::unique_ptr<ConstSparsity> method(new ConstSparsity(std::move(model), config, input_size));
  PARE_ASSIGN_OR_RETURN(method->layers_, mask_layers(graph, std::move(layers), config));
  PARE_RETURN_IF_ERROR(guard_torch(config.path, [&] {
    for (MaskedLayer& layer : method->layers_) layer.set_mask(at::ne(layer.weight(), 0));
  }));
  return method;
}

Statistics ConstSparsity::statistics() const {
  std::vector<LayerSparsity> rows;
  for (const MaskedLayer& layer : layers_) rows.push_back({layer.layer.name, layer.layer.weight, layer.num_zeros()});
  Statistics statistics = sparsity_statistics(model()->graph(), rows, {});
  statistics.merge(CompressionAlgorithm::statistics());
  return statistics;
}

absl::Status ConstSparsity::prepare_for_export() { return fold_masks(model()->graph(), layers_); }

}  // namespace pare::sparsity
