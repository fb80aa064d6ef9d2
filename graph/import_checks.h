// graph/import_checks.h: what the inputs must be like for a decision that import has taken from examples to hold.
//
//   add_size_checks(graph, condition, examples);   // of `x.size(1) > 4`: input x has the size that the example has in
//   1
//
// The checks are those of graph::SizeCheck: Model::forward() refuses an input that fails one. They are as few as the
// way to the decision tells: a size of an input checks that dimension, its rank only its rank; a size of something that
// is computed from an input checks all sizes of that input but the batch, dimension 0.

#ifndef PARE_GRAPH_IMPORT_CHECKS_H_
#define PARE_GRAPH_IMPORT_CHECKS_H_

#include "absl/status/status.h"
#include "graph/example_run.h"
#include "graph/graph.h"

namespace pare::graph {

// For a number or bool that the examples have decided.
absl::Status add_size_checks(Graph& graph, const Value* decided, ExampleRun& examples);

// For the number of dimensions of `tensor`, which the examples have decided.
absl::Status add_rank_checks(Graph& graph, const Value* tensor, ExampleRun& examples);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_CHECKS_H_
