// graph/import_operators.h: the operators of a TorchScript graph: where they stand, which may be imported, running one.
//
//   PARE_RETURN_IF_ERROR(check_allowed(node));
//   if (is_pure(node)) PARE_ASSIGN_OR_RETURN(std::vector<c10::IValue> outputs, run_operator(node, {2, 3}));

#ifndef PARE_GRAPH_IMPORT_OPERATORS_H_
#define PARE_GRAPH_IMPORT_OPERATORS_H_

#include <ATen/core/ivalue.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace torch::jit {
struct Node;
struct Operator;
}  // namespace torch::jit

namespace pare::graph {

// "model.py:12", or empty.
std::string source_of(const torch::jit::Node* node);

// The same status with "(operator at model.py:12)" in its message.
absl::Status with_source(absl::Status status, const torch::jit::Node* node);

// Unimplemented unless the operator is one that a file may name (graph/allowed_operators.h).
absl::Status check_allowed(const torch::jit::Node* node);

// Unimplemented if no library has registered the operator.
absl::Status check_registered(const torch::jit::Node* node);

// Whether it is one of LibTorch's own: aten:: or prim::.
bool is_builtin(const torch::jit::Node* node);

// Whether the result depends on the inputs alone and nothing else changes: it may be computed at import.
bool is_pure(const torch::jit::Node* node);

// Whether it tells something about a tensor that its contents do not decide: its size, dtype, device.
bool is_metadata(const torch::jit::Node* node);

// Whether the shape of its result depends on what a tensor holds, whatever its other arguments: nonzero, unique.
// (Indexing by a mask is another such case, which the operator's name does not tell.)
bool has_data_shape(const torch::jit::Node* node);

// Whether number `argument` of its inputs sizes the result (an int, a list of ints, the end of an arange), and does not
// only take part in the arithmetic.
bool sizes_result(const torch::jit::Node* node, size_t argument);

// Whether it changes one of its inputs, or anything else that a node left out would leave unchanged.
bool has_effect(const torch::jit::Node* node);

// Where a node comes from, as far as that can be told. A file keeps, with every node, the piece of source that made it:
// of a script, the text of the Python function; of a trace, the Python call stack ("model.py(12): forward\n...").
// kUnknown: the file was stripped of it, or the trace was recorded in C++.
enum class Origin { kTrace, kScript, kUnknown };
Origin origin_of(const torch::jit::Node* node);

// The registered operator, with shared ownership: its schema lives as long. nullptr if there is none.
std::shared_ptr<torch::jit::Operator> operator_of(const torch::jit::Node* node);

// Executes it now. InvalidArgument if it throws.
absl::StatusOr<std::vector<c10::IValue>> run_operator(const torch::jit::Node* node, std::vector<c10::IValue> inputs);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_OPERATORS_H_
