// compression/quantization/placement.h: decides which values of a graph are quantized, by propagation.
//
//   PlacementOptions options;
//   PARE_ASSIGN_OR_RETURN(QuantizerSetup setup, place_quantizers(model->graph(), options));
//   std::cout << describe(setup);
//
// 1. One candidate quantizer on each quantizable input of each operator (operator_traits.h), with the configs it may
//    have (allowed_configs.h); a weight's candidate stands on the parameter (weight_placement.h). Inputs inside of what
//    runs as one operation have none (fused_inputs.h).
// 2. A candidate moves against the flow of data through quantization-agnostic operators (max pool, reshape, transpose,
//    slices, ...) up to an operator that is not agnostic, an ignored node, or a branch; through a concat to all of its
//    inputs, where the pieces share one range.
// 3. At a branch, candidates of all branches merge into one when their configs intersect, and go on if it serves every
//    branch; else each stays below it.
// 4. One config is picked for each: the first of those that are left; then come the overrides of outputs (overrides.h).
// (The propagation scheme of NNCF's QuantizerPropagationSolver.)

#ifndef PARE_COMPRESSION_QUANTIZATION_PLACEMENT_H_
#define PARE_COMPRESSION_QUANTIZATION_PLACEMENT_H_

#include "absl/status/statusor.h"
#include "compression/quantization/placement_options.h"
#include "compression/quantization/quantizer_setup.h"
#include "graph/graph.h"

namespace pare::quantization {

// Linear in the size of the graph; the same graph and options always give the same setup. Errors: InvalidArgument if
// an option is not one of its values, or constraints of a scope contradict what the operators allow; FailedPrecondition
// if nothing in the graph can be quantized.
absl::StatusOr<QuantizerSetup> place_quantizers(const graph::Graph& graph, const PlacementOptions& options);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PLACEMENT_H_
