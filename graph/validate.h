// graph/validate.h: checks that a graph is whole; tests call it after every pass.
//
//   ASSERT_TRUE(validate(model->graph()).ok());

#ifndef PARE_GRAPH_VALIDATE_H_
#define PARE_GRAPH_VALIDATE_H_

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::graph {

// Internal, naming the node and what is wrong, unless: every input of a node belongs to the graph and is computed
// before it; uses and inputs agree both ways; names are unique; an operator has as many inputs as its schema has
// arguments; the output is set; a constant has a value, a parameter a defined tensor.
absl::Status validate(const Graph& graph);

}  // namespace pare::graph

#endif  // PARE_GRAPH_VALIDATE_H_
