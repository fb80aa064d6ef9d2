// graph/import_value.h: what import knows about a value of a TorchScript program while it walks through it.
//
//   ImportValue three = ImportValue::constant(3);
//   ImportValue list = ImportValue::list(c10::ListType::ofInts(), {three, ImportValue::of_graph(size)});
//   *run_container_operator("aten::len", {list}, 1)   // {{2}}: known, although an element is not
//
// A value is either known now (a constant), or computed when the model runs (a value of the graph), or a list, tuple or
// dict of both kinds: taking such a container apart needs no node. Lists and dicts have reference semantics, as in
// TorchScript: copies of an ImportValue share them, and an append is seen by all.

#ifndef PARE_GRAPH_IMPORT_VALUE_H_
#define PARE_GRAPH_IMPORT_VALUE_H_

#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

struct ImportValue {
  enum class Kind {
    kUnknown,   // nothing that the graph can hold: a text made from sizes, an uninitialized variable
    kConstant,  // anything but a list, a tuple or a dict
    kGraph,
    kList,
    kTuple,
    kDict,
  };

  struct Container {
    c10::TypePtr type;  // of the list, tuple or dict itself
    std::vector<ImportValue> elements;
    std::vector<c10::IValue> keys;  // kDict only, beside elements
  };

  static ImportValue constant(c10::IValue value);  // takes containers apart
  static ImportValue of_graph(Value* value);
  static ImportValue list(c10::TypePtr list_type, std::vector<ImportValue> elements);
  static ImportValue tuple(c10::TypePtr tuple_type, std::vector<ImportValue> elements);

  bool is_sequence() const { return kind == Kind::kList || kind == Kind::kTuple; }
  bool is_none() const { return kind == Kind::kConstant && known.isNone(); }

  // The value itself if all of it is known.
  std::optional<c10::IValue> to_ivalue() const;

  Kind kind = Kind::kUnknown;
  c10::IValue known;                     // kConstant
  Value* value = nullptr;                // kGraph
  std::shared_ptr<Container> container;  // kList, kTuple, kDict

  // ---- Of kGraph only
  // A number or a bool that the contents of a tensor decide, and not shapes, dtypes or devices alone; a tensor whose
  // shape they decide (of nonzero, unique, x[x > 0]).
  bool from_data = false;
  // A tensor without dimensions that holds this number (tracing turns sizes into tensors).
  std::shared_ptr<ImportValue> number;
  // A list of ints: the sizes of this tensor.
  Value* sizes_of = nullptr;
};

// Runs TorchScript's operators on lists, tuples and dicts (`op` without its overload: "aten::append") whose first input
// is such a container. nullopt: not one of them, or its other inputs must be known and are not. Errors: InvalidArgument
// (index out of range, a missing key, a pop from an empty list).
absl::StatusOr<std::optional<std::vector<ImportValue>>> run_container_operator(std::string_view op,
                                                                               const std::vector<ImportValue>& inputs,
                                                                               size_t num_outputs);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_VALUE_H_
