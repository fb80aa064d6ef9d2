// graph/functionalize.h: in-place operators in their functional form, where that means the same.
//
//   functionalize(graph);   // y = relu_(x); z = conv(x)   becomes   y = relu(x); z = conv(y)
//
// A graph is easier to hook, quantize and export without operators that change their input. `op_(x)` becomes `op(x)`
// when there is such an overload and nothing else that may share x's memory is used afterwards; later uses of x itself
// get the result. Writes into views (`x[:, 0] = 0`), parameters and buffers stay as they are, in their place.
//
// One difference is accepted: an in-place operator keeps the dtype of its input where the functional one promotes
// (a float16 tensor plus a float32 one).

#ifndef PARE_GRAPH_FUNCTIONALIZE_H_
#define PARE_GRAPH_FUNCTIONALIZE_H_

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::graph {

absl::Status functionalize(Graph& graph);

// The in-place nodes that write into a constant: a model would remember from one call to the next.
bool writes_into_constants(const Graph& graph);

}  // namespace pare::graph

#endif  // PARE_GRAPH_FUNCTIONALIZE_H_
