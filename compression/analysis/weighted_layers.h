// compression/analysis/weighted_layers.h: the layers of a graph that have weights: convolutions, linear layers,
// embeddings.
//
//   for (const WeightedLayer& layer : find_weighted_layers(graph)) {
//     std::cout << layer.name << "\n";                      // "layer1.0.conv1"
//     ... layer.weight->tensor() ...
//   }
//   PARE_ASSIGN_OR_RETURN(auto layers, select_layers(find_weighted_layers(graph), graph, config));
//
// A layer is a weight with all operators that use it: a weight that two operators share is one layer.

#ifndef PARE_COMPRESSION_ANALYSIS_WEIGHTED_LAYERS_H_
#define PARE_COMPRESSION_ANALYSIS_WEIGHTED_LAYERS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/compression_config.h"
#include "graph/graph.h"

namespace pare {

enum class LayerKind { kConvolution, kLinear, kEmbedding };
std::string to_string(LayerKind kind);  // "convolution", "linear", "embedding"

struct WeightedLayer {
  std::string name;                         // the weight's, without a ".weight" at its end
  LayerKind kind = LayerKind::kLinear;      // of the first operator; a matrix product with a parameter is linear
  graph::Value* weight = nullptr;           // a floating point parameter or buffer
  std::vector<graph::Node*> operators;      // in the order of execution
  std::vector<graph::Use> operator_inputs;  // where each operator takes it, through transposes and transforms
  // The axes of the weight that count output and input channels (of an embedding: its rows and columns; of a grouped
  // convolution the second counts those of a group). nullopt where a reshape has mixed an axis with others, or where
  // operators that share the weight differ in it.
  std::optional<int64_t> output_axis, input_axis;
};

// In the order of execution of their first operators.
std::vector<WeightedLayer> find_weighted_layers(graph::Graph& graph);

// Those that a method with this config is to work on: in the config's scopes and of a kind that it can handle, as
// `handles` says (nullptr: all). Errors, InvalidArgument with the place in the config:
//   a scope that matches nothing, unless validate_scopes is false
//   no layer is left, or a weight is shared by an operator in the scopes and one outside of them
absl::StatusOr<std::vector<WeightedLayer>> select_layers(
    std::vector<WeightedLayer> layers, const graph::Graph& graph, const AlgorithmConfig& config,
    const std::function<bool(const WeightedLayer&)>& handles = nullptr);

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_WEIGHTED_LAYERS_H_
