// graph/hooks.h: puts a transform before an operator, after it, or on a weight.
//
//   auto scale = graph.add_parameter("layer1.0.conv1.weight_quantizer.scale", at::ones({16, 1, 1, 1}));
//   insert_weight_hook(graph, weight, std::make_shared<MyQuantizer>(), {*scale});
//
// A hook is a node like any other. Each function returns the new node; its output has taken the place of the value.

#ifndef PARE_GRAPH_HOOKS_H_
#define PARE_GRAPH_HOOKS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

// On input number `input_index` of `node` alone: other users of the same value do not see it.
absl::StatusOr<Node*> insert_pre_hook(Graph& graph, Node* node, size_t input_index,
                                      std::shared_ptr<Transform> transform, const std::vector<Value*>& parameters);

// On `value`, an output of a node or an input of the graph: all of its present users get the transform's result. To
// hook only some of them, give the users in `only`.
absl::StatusOr<Node*> insert_post_hook(Graph& graph, Value* value, std::shared_ptr<Transform> transform,
                                       const std::vector<Value*>& parameters, const std::vector<Use>& only = {});

// On a parameter, on its way into all the operators that use it (or `only` these): a shared weight is transformed once.
absl::StatusOr<Node*> insert_weight_hook(Graph& graph, Value* parameter, std::shared_ptr<Transform> transform,
                                         const std::vector<Value*>& parameters, const std::vector<Use>& only = {});

// Takes a hook out again: its users get its first input. InvalidArgument if `node` is no transform.
absl::Status remove_hook(Graph& graph, Node* node);

}  // namespace pare::graph

#endif  // PARE_GRAPH_HOOKS_H_
