// compression/analysis/data_flow.h: what kind of numbers flow through a graph, as far as its operators tell.
//
//   DataFlow flow(graph, device);
//   if (flow.number(value) == Number::kReal && flow.from_input(value)) ...  // an activation that can be quantized
//
// A graph carries no dtypes; they follow from parameters' dtypes and from what operators take and give. An input of the
// graph is taken for floating point unless it is used for indices or conditions, or is only ever compared and cast.

#ifndef PARE_COMPRESSION_ANALYSIS_DATA_FLOW_H_
#define PARE_COMPRESSION_ANALYSIS_DATA_FLOW_H_

#include <unordered_map>
#include <vector>

#include "compression/analysis/operator_traits.h"
#include "graph/graph.h"

namespace pare {

enum class Number {
  kNone,  // no floating point tensor: indices, conditions, sizes, scalars
  kCast,  // floating point, made from nothing but integers: an attention mask
  kReal,
};

class DataFlow {
 public:
  // Linear in the size of the graph, which must not change while this is used.
  DataFlow(const graph::Graph& graph, TargetDevice device);

  const OperatorTraits& traits(const graph::Node* node) const { return traits_.at(node); }
  Number number(const graph::Value* value) const;
  // Whether its elements depend on the graph's inputs: else it follows from parameters, constants and shapes alone.
  bool from_input(const graph::Value* value) const;

  // Uses that read elements and not just the shape.
  std::vector<graph::Use> data_uses(const graph::Value* value) const;

  // Those inputs of a node that are floating point activations.
  std::vector<size_t> activation_inputs(const graph::Node* node) const;

 private:
  struct Facts {
    Number number = Number::kNone;
    bool from_input = false;
  };

  void visit(const graph::Node* node);
  Number result(const graph::Node* node, size_t output) const;
  Number cast_result(const graph::Node* node) const;
  Number factory_result(const graph::Node* node) const;

  std::unordered_map<const graph::Node*, OperatorTraits> traits_;
  std::unordered_map<const graph::Value*, Facts> facts_;  // inputs and outputs of nodes
};

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_DATA_FLOW_H_
