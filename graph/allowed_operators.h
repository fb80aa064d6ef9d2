// graph/allowed_operators.h: which operators a TorchScript file may name.
//
//   if (!is_allowed_operator("aten::from_file")) ...                       // not one of the list
//   allow_operators({"torchvision::nms", "ours::quantized_attention"});    // beside the code that registers them
//
// A TorchScript file is a program that can call every operator LibTorch knows, files and other processes included.
// Import executes an operator, or takes it into a graph, only if its name is on the list of allowed_operators_list.cc,
// or was allowed here by the program itself. See docs/security.md.

#ifndef PARE_GRAPH_ALLOWED_OPERATORS_H_
#define PARE_GRAPH_ALLOWED_OPERATORS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace pare::graph {

// By its name without overload, "aten::conv2d". Thread-safe.
bool is_allowed_operator(std::string_view name);

// For the rest of the process, for all models. For operators of one's own, or of a library that was loaded on purpose,
// which do no more than compute. Thread-safe.
void allow_operators(const std::vector<std::string>& names);

// The list, sorted.
absl::Span<const std::string_view> operators_allowed_by_default();

}  // namespace pare::graph

#endif  // PARE_GRAPH_ALLOWED_OPERATORS_H_
