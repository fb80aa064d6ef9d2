// compression/binarization/lowering.h: turns binarizers of activations into ATen's operators, for export.

#ifndef PARE_COMPRESSION_BINARIZATION_LOWERING_H_
#define PARE_COMPRESSION_BINARIZATION_LOWERING_H_

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::binarization {

// scale * [x > scale * threshold] as aten::gt, aten::to and aten::mul with constants; `hook` and the parameters that
// only it used leave the graph. The same numbers, but a NaN in x becomes 0.
absl::Status lower_activation_binarizer(graph::Graph& graph, graph::Node* hook);

}  // namespace pare::binarization

#endif  // PARE_COMPRESSION_BINARIZATION_LOWERING_H_
