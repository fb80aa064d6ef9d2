// graph/clone.h: a copy of a graph with tensors of its own.
//
//   PARE_ASSIGN_OR_RETURN(auto copy, clone_graph(model->graph(), {.without_transforms = true}));
//   graph::Model teacher(std::move(copy));   // the network as it is without its quantizers, masks and probes

#ifndef PARE_GRAPH_CLONE_H_
#define PARE_GRAPH_CLONE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

struct CloneOptions {
  // A transform's users get what flows into it; parameters and buffers that only transforms used are left out. Else the
  // copy's nodes have the same Transform objects as the original's, and share what those keep.
  bool without_transforms = false;
};

// Parameters, buffers and constant tensors are copied (parameters require gradients where the original's do), scopes
// and size checks kept. Node names are made anew and may differ in their numbers from those of a graph that has been
// rewritten. Errors: those of Graph's own functions; ResourceExhausted or Internal, with the tensor's name, if there is
// no memory for a copy.
absl::StatusOr<std::unique_ptr<Graph>> clone_graph(const Graph& graph, const CloneOptions& options = {});

}  // namespace pare::graph

#endif  // PARE_GRAPH_CLONE_H_
