// graph/operators.h: LibTorch's operators by name, for graph.cc.
//
//   PARE_ASSIGN_OR_RETURN(ResolvedOperator conv, resolve_operator("aten::conv2d", ""));

#ifndef PARE_GRAPH_OPERATORS_H_
#define PARE_GRAPH_OPERATORS_H_

#include <ATen/core/function_schema.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

struct ResolvedOperator {
  const c10::FunctionSchema* schema = nullptr;
  std::shared_ptr<void> owner;  // keeps the schema alive
  StackFunction function;
};

// NotFound, with the overloads that exist, if there is no such operator in LibTorch or in a library that was loaded
// into it.
absl::StatusOr<ResolvedOperator> resolve_operator(std::string_view op, std::string_view overload);

// How prim::TupleConstruct, TupleUnpack, ListConstruct, ListUnpack and DictConstruct with this many inputs and outputs
// are called; NotFound for another name. `element_type` is the element's (ListConstruct) or the dict's own
// (DictConstruct).
absl::StatusOr<StackFunction> structure_function(std::string_view op, size_t num_inputs, size_t num_outputs,
                                                 c10::TypePtr element_type);

}  // namespace pare::graph

#endif  // PARE_GRAPH_OPERATORS_H_
