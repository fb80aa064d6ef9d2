// graph/batch_flow.h: which values of a model have the batch in dimension 0.
//
//   BatchFlow flow(graph, {{1, 3, 32, 32}});
//   flow.has_batch(convolution->output());   // true
//
// The batch is dimension 0 of every input, and is followed through the operators that keep dimension 0. A dimension
// that is counted from the end (`x.sum(-2)`) may be the first one: it counts as another only where the number of
// dimensions is certain.

#ifndef PARE_GRAPH_BATCH_FLOW_H_
#define PARE_GRAPH_BATCH_FLOW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "graph/graph.h"

namespace pare::graph {

// Whether it gives a tensor another shape: view, reshape.
bool is_view(const Node& node);

// A shape that an operator is given: its sizes, nullopt where they are computed.
std::optional<std::vector<std::optional<int64_t>>> sizes_in(const Value* shape);

class BatchFlow {
 public:
  // Of the shapes only the number of dimensions counts; they may be missing.
  BatchFlow(const Graph& graph, const std::vector<std::vector<int64_t>>& input_shapes);

  // Whether dimension 0 of this tensor grows with the batch.
  bool has_batch(const Value* value) const { return batched_.count(value) > 0; }

  // Whether the operator's argument `dim` (dim0, dim1, start_dim) is certain to name another dimension than the first.
  bool avoids_dimension_0(const Node& node) const;

  // The number of dimensions of a tensor, or of the tensors in a list, where it is certain.
  std::optional<int64_t> rank(const Value* value) const;

 private:
  bool keeps_batch(const Node& node) const;
  std::optional<int64_t> rank_of_result(const Node& node) const;

  std::set<const Value*> batched_;
  std::map<const Value*, int64_t> ranks_;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_BATCH_FLOW_H_
