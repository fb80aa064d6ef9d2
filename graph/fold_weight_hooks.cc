#include "graph/fold_weight_hooks.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::graph {
namespace {

bool is_known(const Value* value) {
  return value->is_parameter() || value->is_buffer() || (value->is_constant() && value->constant().isTensor());
}

at::Tensor tensor_of(const Value* value) {
  return value->is_constant() ? value->constant().toTensor() : value->tensor();
}

// The weight with this content: itself, if the hook is all that uses it.
absl::StatusOr<Value*> weight_with(Graph& graph, Node* hook, at::Tensor content) {
  Value* weight = hook->input(0);
  const std::vector<Use>& uses = weight->uses();
  const bool is_alone = std::all_of(uses.begin(), uses.end(), [&](const Use& use) { return use.user == hook; });
  if (weight->is_constant()) return graph.add_constant(std::move(content));
  if (is_alone) {
    // set_data keeps the tensor's identity, which is what an optimizer holds.
    at::Tensor tensor = weight->tensor();
    tensor.set_data(content);
    return weight;
  }
  const std::string name = absl::StrCat(weight->name(), "_", std::string(hook->transform()->type()));
  if (weight->is_buffer()) return graph.add_buffer(name, std::move(content));
  return graph.add_parameter(name, content.requires_grad_(weight->tensor().requires_grad()));
}

absl::Status fold(Graph& graph, Node* hook) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> inputs;
  for (const Value* input : hook->inputs()) inputs.push_back(tensor_of(input));
  PARE_ASSIGN_OR_RETURN(at::Tensor content,
                        guard_torch(hook->name(), [&] { return hook->transform()->forward(inputs).detach().clone(); }));
  const std::set<Value*> learned(hook->inputs().begin() + 1, hook->inputs().end());
  PARE_ASSIGN_OR_RETURN(Value * weight, weight_with(graph, hook, std::move(content)));
  PARE_RETURN_IF_ERROR(graph.replace_uses(hook->output(), weight));
  PARE_RETURN_IF_ERROR(graph.remove(hook));
  for (Value* value : learned) {
    if (!value->is_constant() && value->uses().empty()) PARE_RETURN_IF_ERROR(graph.remove_parameter(value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status fold_weight_hooks(Graph& graph, std::string_view type) {
  // In the order of execution, so that a hook on a hook's result finds a weight there.
  for (Node* node : graph.nodes()) {
    if (!node->is_transform() || node->transform()->type() != type) continue;
    if (std::all_of(node->inputs().begin(), node->inputs().end(), is_known)) PARE_RETURN_IF_ERROR(fold(graph, node));
  }
  return absl::OkStatus();
}

}  // namespace pare::graph
