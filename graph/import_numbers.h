// graph/import_numbers.h: undoes tracing's way of computing with sizes.
//
// A trace in Python turns a size into a tensor and back: aten::size -> prim::NumToTensor -> aten::mul -> aten::Int. Run
// as it stands, that makes tensors on the CPU for every view. Here such a tensor carries along the int that it holds,
// and arithmetic on it is done on the ints too; the nodes on tensors are then dead.

#ifndef PARE_GRAPH_IMPORT_NUMBERS_H_
#define PARE_GRAPH_IMPORT_NUMBERS_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/import_value.h"

namespace pare::graph {

// The number that the (first) output of operator `op` (without its overload) holds or is, if its inputs are such
// tensors; nullopt if they are not or the operator is not one of those that tracing uses on sizes.
absl::StatusOr<std::optional<ImportValue>> number_in_tensor(Graph& graph, std::string_view op,
                                                            const std::vector<ImportValue>& inputs,
                                                            const NodePlace& place);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_NUMBERS_H_
