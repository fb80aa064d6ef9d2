#include "compression/binarization/lowering.h"

#include <ATen/core/Tensor.h>

#include <set>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::binarization {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

// [1, C, 1, ...]: broadcast along the channels of a tensor of `dim` dimensions.
at::Tensor along_channels(const at::Tensor& numbers, int64_t dim) {
  std::vector<int64_t> shape(static_cast<size_t>(dim), 1);
  shape[1] = numbers.numel();
  return numbers.reshape(shape);
}

// The number of dimensions of what a convolution takes: that of its weight.
int64_t dimensions_of_users(const Node* hook) {
  for (const graph::Use& use : hook->output()->uses()) {
    const Value* weight = use.user == nullptr ? nullptr : use.user->argument("weight");
    while (weight != nullptr && weight->producer() != nullptr) weight = weight->producer()->input(0);
    if (weight != nullptr && (weight->is_parameter() || weight->is_buffer())) return weight->tensor().dim();
  }
  return 4;
}

}  // namespace

absl::Status lower_activation_binarizer(Graph& graph, Node* hook) {
  Value* x = hook->input(0);
  const at::Tensor scale = hook->input(1)->tensor().detach().clone();
  PARE_ASSIGN_OR_RETURN(at::Tensor bound, guard_torch(hook->name(), [&] {
                          return along_channels(hook->input(2)->tensor().detach().mul(scale),
                                                dimensions_of_users(hook));
                        }));
  const graph::NodePlace place{hook, hook->scope(), hook->scope_types(), hook->source()};
  PARE_ASSIGN_OR_RETURN(Node * above,
                        graph.add_operator("aten::gt", "Tensor", {x, graph.add_constant(std::move(bound))}, place));
  const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
  PARE_ASSIGN_OR_RETURN(Node * number,
                        graph.add_operator("aten::to", "dtype",
                                           {above->output(), constant(static_cast<int64_t>(scale.scalar_type())),
                                            constant(false), constant(false), constant({})},
                                           place));
  PARE_ASSIGN_OR_RETURN(Node * scaled, graph.add_operator("aten::mul", "Scalar",
                                                          {number->output(), constant(scale.item<double>())}, place));
  PARE_RETURN_IF_ERROR(graph.replace_uses(hook->output(), scaled->output()));
  const std::set<Value*> parameters{hook->input(1), hook->input(2)};
  PARE_RETURN_IF_ERROR(graph.remove(hook));
  for (Value* parameter : parameters) {
    if (parameter->uses().empty()) PARE_RETURN_IF_ERROR(graph.remove_parameter(parameter));
  }
  return absl::OkStatus();
}

}  // namespace pare::binarization
