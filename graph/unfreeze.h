// graph/unfreeze.h: gives a frozen model its parameters back.
//
//   unfreeze(graph);   // conv2d(x, <tensor>, <tensor>)   becomes   conv2d(x, conv2d.weight, conv2d.bias)
//
// torch.jit.freeze turns parameters and buffers into constants, which no optimizer, checkpoint or compression method
// sees. In a graph without a single parameter, the floating point constants that are the weights and biases of layers
// become parameters and the statistics of normalizations buffers, each named by the module path and the argument
// ("layer1.0.conv1.weight"), or by the operator where freezing left no path ("conv2d_3.weight").
//
// A graph that has parameters is no frozen one: its constants (a fixed blur kernel) are meant so.

#ifndef PARE_GRAPH_UNFREEZE_H_
#define PARE_GRAPH_UNFREEZE_H_

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::graph {

absl::Status unfreeze(Graph& graph);

}  // namespace pare::graph

#endif  // PARE_GRAPH_UNFREEZE_H_
