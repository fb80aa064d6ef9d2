#include "compression/sparsity/sparsity_statistics.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ops/sparsity_masks.h"

namespace pare::sparsity {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Statistics sparsity_statistics(const graph::Graph& graph, const std::vector<LayerSparsity>& layers,
                               const std::vector<graph::Value*>& own) {
  std::map<const graph::Value*, int64_t> zeros;
  for (const LayerSparsity& layer : layers) zeros[layer.weight] = layer.num_zeros;
  int64_t model_size = 0, model_zeros = 0, layers_size = 0, layers_zeros = 0;
  for (const graph::Value* parameter : graph.parameters()) {
    if (std::find(own.begin(), own.end(), parameter) != own.end()) continue;
    const auto known = zeros.find(parameter);
    model_size += parameter->tensor().numel();
    model_zeros += known != zeros.end() ? known->second : ops::count_zeros(parameter->tensor().detach());
  }
  for (const LayerSparsity& layer : layers) {
    layers_size += layer.weight->tensor().numel();
    layers_zeros += layer.num_zeros;
  }
  Statistics statistics;
  statistics.set("model_sparsity", share(model_zeros, model_size));
  statistics.set("sparsified_layers_level", share(layers_zeros, layers_size));
  Table& table = statistics.table("layers", {"name", "shape", "level", "share_of_model_percent"});
  for (const LayerSparsity& layer : layers) {
    const at::Tensor& weight = layer.weight->tensor();
    table.add_row({layer.name, absl::StrCat("[", absl::StrJoin(weight.sizes(), ", "), "]"),
                   share(layer.num_zeros, weight.numel()), 100.0 * share(weight.numel(), model_size)});
  }
  return statistics;
}

}  // namespace pare::sparsity
