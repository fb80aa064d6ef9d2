// graph/batch_size.h: undoes the batch size that tracing baked into a model.
//
//   free_batch_size(graph);   // x.view(2, 8, -1) on a trace with batch 2 becomes x.view(size(input, 0), 8, -1)
//
// The batch is dimension 0 of every input. The values whose dimension 0 grows with it are found by following the
// operators that keep dimension 0; a literal in front of the shape that such a value is viewed in, or that a
// constant is expanded to before it meets such a value, is then the batch's size and not the model's:
//   view, reshape [L, known sizes]     -> [-1, known sizes]: the same at the traced batch, whatever L means
//   view, reshape [L, -1, ...]         -> [size(input, 0), -1, ...], if all such literals of the model agree, and with
//                                         `example_batch` (0: unknown) where it is given
//   expand, zeros, ones, full [L, ...] -> [size(input, 0), ...], where the result is concatenated with a value that has
//                                         the batch in dimension 0
// What does not follow this pattern is left as it was: it works at the traced batch.

#ifndef PARE_GRAPH_BATCH_SIZE_H_
#define PARE_GRAPH_BATCH_SIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::graph {

absl::Status free_batch_size(Graph& graph, int64_t example_batch);

}  // namespace pare::graph

#endif  // PARE_GRAPH_BATCH_SIZE_H_
