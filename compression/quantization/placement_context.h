// compression/quantization/placement_context.h: what both halves of placement, weights' and activations', look up.
//
//   PARE_ASSIGN_OR_RETURN(auto context, PlacementContext::create(graph, options));
//   if (context->quantizes_weights(node)) ... context->weight_configs(node) ...

#ifndef PARE_COMPRESSION_QUANTIZATION_PLACEMENT_CONTEXT_H_
#define PARE_COMPRESSION_QUANTIZATION_PLACEMENT_CONTEXT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/analysis/data_flow.h"
#include "compression/analysis/weight_source.h"
#include "compression/quantization/allowed_configs.h"
#include "compression/quantization/fused_inputs.h"
#include "compression/quantization/placement_options.h"
#include "graph/graph.h"

namespace pare::quantization {

class PlacementContext {
 public:
  // Both must outlive the context. InvalidArgument for an option that is not one of its values.
  static absl::StatusOr<std::unique_ptr<PlacementContext>> create(const graph::Graph& graph,
                                                                  const PlacementOptions& options);

  const graph::Graph& graph() const { return graph_; }
  const PlacementOptions& options() const { return options_; }
  const DeviceRules& rules() const { return rules_; }
  const DataFlow& flow() const { return flow_; }
  const FusedInputs& fused() const { return fused_; }

  // Whether the scopes let the node have quantizers. Of activations: also whether others' may move through it.
  bool quantizes_weights(const graph::Node* node) const;
  bool quantizes_activations(const graph::Node* node) const;

  // Whether input number `index` of the graph may have a quantizer.
  bool quantizes_input(size_t index) const;

  // Best first, never empty, with the scopes' overrides and overflow_fix taken in.
  absl::StatusOr<std::vector<QuantizerConfig>> weight_configs(const graph::Node* node) const;
  absl::StatusOr<std::vector<QuantizerConfig>> activation_configs(const graph::Node* node) const;

  // What the config asks for of the node's weight or inputs, with the scopes' overrides taken in.
  QuantizerConstraints constraints(const graph::Node* node, bool weights) const;

  // A weight that an operator reads, and at which of its inputs.
  struct Weight {
    size_t input;
    WeightSource source;
  };
  // The node's weight; nullopt if it has none, or none that is a parameter or buffer.
  std::optional<Weight> weight(graph::Node* node) const;

 private:
  PlacementContext(const graph::Graph& graph, const PlacementOptions& options, const DeviceRules& rules);
  void find_first_layers();
  bool wants_half_range(const graph::Node* node) const;

  const graph::Graph& graph_;
  const PlacementOptions& options_;
  const DeviceRules rules_;
  const DataFlow flow_;
  const FusedInputs fused_;
  std::unordered_set<const graph::Node*> first_layers_;  // weighted, with no weighted node between them and an input
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PLACEMENT_CONTEXT_H_
