#include "graph/hooks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::graph {

namespace {

NodePlace place_at(const Node* like, Node* before) {
  NodePlace place;
  place.before = before;
  if (like != nullptr) {
    place.scope = like->scope();
    place.scope_types = like->scope_types();
    place.source = like->source();
  }
  return place;
}

std::vector<Value*> with_front(Value* value, const std::vector<Value*>& parameters) {
  std::vector<Value*> inputs{value};
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  return inputs;
}

// Adds the transform at `place` and hands its result to `uses`, which are copied: they change meanwhile.
absl::StatusOr<Node*> redirect(Graph& graph, Value* value, std::vector<Use> uses, std::shared_ptr<Transform> transform,
                               const std::vector<Value*>& parameters, const NodePlace& place) {
  for (const Use& use : uses) {
    const bool is_use = use.user == nullptr
                            ? graph.output() == value
                            : use.index < use.user->inputs().size() && use.user->input(use.index) == value;
    if (!is_use) {
      return absl::InvalidArgumentError(absl::StrCat("input ", use.index, " of ",
                                                     use.user == nullptr ? "the output" : use.user->name(), " is not ",
                                                     value->name()));
    }
  }
  PARE_ASSIGN_OR_RETURN(Node * node, graph.add_transform(std::move(transform), with_front(value, parameters), place));
  for (const Use& use : uses) {
    if (use.user == nullptr) {
      graph.set_output(node->output());
    } else {
      PARE_RETURN_IF_ERROR(graph.set_input(use.user, use.index, node->output()));
    }
  }
  return node;
}

}  // namespace

absl::StatusOr<Node*> insert_pre_hook(Graph& graph, Node* node, size_t input_index,
                                      std::shared_ptr<Transform> transform, const std::vector<Value*>& parameters) {
  if (input_index >= node->inputs().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(node->name(), " has ", node->inputs().size(), " inputs, no input ", input_index));
  }
  return redirect(graph, node->input(input_index), {{node, input_index}}, std::move(transform), parameters,
                  place_at(node, node));
}

absl::StatusOr<Node*> insert_post_hook(Graph& graph, Value* value, std::shared_ptr<Transform> transform,
                                       const std::vector<Value*>& parameters, const std::vector<Use>& only) {
  if (value->kind() != Value::Kind::kNodeOutput && value->kind() != Value::Kind::kInput) {
    return absl::InvalidArgumentError(absl::StrCat(value->name(), " is no operator's output and no input"));
  }
  const Node* producer = value->producer();
  Node* before = producer == nullptr ? graph.first_node() : graph.next_node(producer);
  return redirect(graph, value, only.empty() ? value->uses() : only, std::move(transform), parameters,
                  place_at(producer, before));
}

absl::StatusOr<Node*> insert_weight_hook(Graph& graph, Value* parameter, std::shared_ptr<Transform> transform,
                                         const std::vector<Value*>& parameters, const std::vector<Use>& only) {
  if (!parameter->is_parameter() && !parameter->is_buffer() && !parameter->is_constant()) {
    return absl::InvalidArgumentError(absl::StrCat(parameter->name(), " is no parameter, buffer or constant"));
  }
  const std::vector<Use> uses = only.empty() ? parameter->uses() : only;
  Node* first_user = nullptr;
  for (const Use& use : uses) {
    if (use.user != nullptr && (first_user == nullptr || graph.is_before(use.user, first_user))) first_user = use.user;
  }
  return redirect(graph, parameter, uses, std::move(transform), parameters, place_at(first_user, first_user));
}

absl::Status remove_hook(Graph& graph, Node* node) {
  if (!node->is_transform()) return absl::InvalidArgumentError(absl::StrCat(node->name(), " is no hook"));
  PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), node->input(0)));
  return graph.remove(node);
}

}  // namespace pare::graph
