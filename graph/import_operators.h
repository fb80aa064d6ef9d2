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

// Unimplemented for operators that reach outside the model (files, processes, Python) or that no library has
// registered. A file from elsewhere must not do more than compute.
absl::Status check_allowed(const torch::jit::Node* node);

// Whether the result depends on the inputs alone and nothing else changes: it may be computed at import.
bool is_pure(const torch::jit::Node* node);

// Whether it tells something about a tensor that its contents do not decide: its size, dtype, device.
bool is_metadata(const torch::jit::Node* node);

// The registered operator, with shared ownership: its schema lives as long. nullptr if there is none.
std::shared_ptr<torch::jit::Operator> operator_of(const torch::jit::Node* node);

// Executes it now. InvalidArgument if it throws.
absl::StatusOr<std::vector<c10::IValue>> run_operator(const torch::jit::Node* node, std::vector<c10::IValue> inputs);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_OPERATORS_H_
