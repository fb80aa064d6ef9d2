// graph/simplify.h: one spelling for what TorchScript spells in several ways, so that traced and scripted models are
// the same graph and later passes have one case each.
//
//   aten::_convolution (what traces hold)        aten::conv1d, conv2d, conv3d, conv_transpose1d, ...
//   aten::_convolution_mode (padding by name)    aten::conv1d.padding, ...
//   x[:] (a slice of everything)                 x

#ifndef PARE_GRAPH_SIMPLIFY_H_
#define PARE_GRAPH_SIMPLIFY_H_

#include "absl/status/status.h"
#include "graph/graph.h"

namespace pare::graph {

absl::Status simplify(Graph& graph);

// What LibTorch's C++ linear layers and hand-written ones are made of becomes one operator on the weight itself:
//   addmm(bias, x, t(weight))           aten::linear(x, weight, bias)
//   matmul(x, t(weight)) [+ bias]       the same
// After functionalize(): the bias is often added in place.
absl::Status join_linear(Graph& graph);

}  // namespace pare::graph

#endif  // PARE_GRAPH_SIMPLIFY_H_
