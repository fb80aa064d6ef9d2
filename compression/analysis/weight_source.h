// compression/analysis/weight_source.h: where the weight that an operator sees comes from.
//
//   const auto source = find_weight_source(addmm, 2, -1, flow);   // addmm(bias, x, t(fc.weight))
//   source->value          // the parameter fc.weight
//   source->channel_axis   // 0: aten::t moved it
//   source->use            // input 0 of aten::t

#ifndef PARE_COMPRESSION_ANALYSIS_WEIGHT_SOURCE_H_
#define PARE_COMPRESSION_ANALYSIS_WEIGHT_SOURCE_H_

#include <cstdint>
#include <optional>

#include "compression/analysis/data_flow.h"
#include "graph/graph.h"

namespace pare {

struct WeightSource {
  graph::Value* value = nullptr;  // a parameter or buffer
  graph::Use use;                 // the use of `value` that leads to the operator
  // The axis of `value` that is the axis asked for of the operator's input; nullopt if it has none (a reshape mixes it
  // with others).
  std::optional<int64_t> channel_axis;
};

// Follows input number `input` of `node` backwards through operators that only move elements, and through transforms of
// other methods (a sparsity mask: what it sets to zero is zero of a quantized weight too). `axis`: that of the output
// channels in this input, from the end if negative. nullopt: no floating point parameter or buffer is there, but an
// activation, a constant, or what is computed from parameters (weight normalisation).
std::optional<WeightSource> find_weight_source(graph::Node* node, size_t input, int64_t axis, const DataFlow& flow);

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_WEIGHT_SOURCE_H_
