// graph/fold_weight_hooks.h: makes what weight hooks do part of the weights, for export.
//
//   absl::Status MyMethod::prepare_for_export() { return graph::fold_weight_hooks(model()->graph(), "my_mask"); }
//
// Each weight hook of that type is computed once: the weight becomes its result, and the hook goes. The model computes
// the same in evaluation mode.

#ifndef PARE_GRAPH_FOLD_WEIGHT_HOOKS_H_
#define PARE_GRAPH_FOLD_WEIGHT_HOOKS_H_

#include <string_view>

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::graph {

// Transforms of this type() whose inputs are all parameters, buffers or constants; others stay. The weight keeps its
// name and its tensor's identity, unless something else uses it without the hook: that keeps the old one, and the
// result is a parameter "<name>_<type>". Parameters that only the hook used are removed. Errors: InvalidArgument with
// the node's name and LibTorch's words if a transform throws; what was folded before stays folded.
absl::Status fold_weight_hooks(Graph& graph, std::string_view type);

}  // namespace pare::graph

#endif  // PARE_GRAPH_FOLD_WEIGHT_HOOKS_H_
