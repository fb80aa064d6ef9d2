#include "graph/validate.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::graph {

namespace {

absl::Status broken(const std::string& where, const std::string& what) {
  return absl::InternalError(absl::StrCat("the graph is broken at ", where, ": ", what));
}

absl::Status check_value(const Value& value, const std::string& where) {
  const bool has_tensor = value.is_parameter() || value.is_buffer();
  if (has_tensor && !value.tensor().defined()) return broken(where, absl::StrCat(value.name(), " has no tensor"));
  for (const Use& use : value.uses()) {
    if (use.user == nullptr) continue;
    if (use.index >= use.user->inputs().size() || use.user->input(use.index) != &value) {
      return broken(where, absl::StrCat(value.name(), " claims to be input ", use.index, " of ", use.user->name()));
    }
  }
  return absl::OkStatus();
}

absl::Status check_inputs(const Graph& graph, const Node& node, const std::set<const Value*>& available) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const Value* input = node.input(i);
    const bool is_computed = input->kind() == Value::Kind::kNodeOutput || input->kind() == Value::Kind::kInput;
    if (is_computed && available.count(input) == 0) {
      return broken(node.name(), absl::StrCat("input ", i, " (", input->name(), ") is not computed before it"));
    }
    if (input->is_parameter() || input->is_buffer()) {
      if (graph.find_parameter(input->name()) != input) {
        return broken(node.name(), absl::StrCat("input ", i, " (", input->name(), ") is no parameter of this graph"));
      }
    }
    const Use use{const_cast<Node*>(&node), i};
    if (std::count(input->uses().begin(), input->uses().end(), use) != 1) {
      return broken(node.name(), absl::StrCat("input ", i, " (", input->name(), ") does not know of this use"));
    }
    PARE_RETURN_IF_ERROR(check_value(*input, node.name()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status validate(const Graph& graph) {
  std::set<const Value*> available(graph.inputs().begin(), graph.inputs().end());
  std::set<std::string> names;
  for (const auto* values : {&graph.parameters(), &graph.buffers()}) {
    for (const Value* value : *values) {
      if (!names.insert(value->name()).second) return broken(value->name(), "two parameters or buffers have this name");
      PARE_RETURN_IF_ERROR(check_value(*value, value->name()));
    }
  }
  names.clear();
  const Node* previous = nullptr;
  for (const Node* node : graph.nodes()) {
    if (!names.insert(node->name()).second) return broken(node->name(), "two nodes have this name");
    if (previous != nullptr && !graph.is_before(previous, node)) {
      return broken(node->name(), absl::StrCat("its order is not after that of ", previous->name()));
    }
    previous = node;
    const c10::FunctionSchema* schema = node->schema();
    if (schema != nullptr && !schema->is_vararg() && schema->arguments().size() != node->inputs().size()) {
      return broken(node->name(), absl::StrCat("it has ", node->inputs().size(), " inputs, its operator takes ",
                                               schema->arguments().size()));
    }
    if (!node->is_transform() && node->function() == nullptr) return broken(node->name(), "it cannot be called");
    PARE_RETURN_IF_ERROR(check_inputs(graph, *node, available));
    for (const Value* output : node->outputs()) {
      if (output->producer() != node) return broken(node->name(), "an output names another producer");
      PARE_RETURN_IF_ERROR(check_value(*output, node->name()));
      available.insert(output);
    }
  }
  const Value* output = graph.output();
  if (output == nullptr) return broken("the output", "it is not set");
  const bool is_computed = output->kind() == Value::Kind::kNodeOutput || output->kind() == Value::Kind::kInput;
  if (is_computed && available.count(output) == 0) {
    return broken("the output", absl::StrCat(output->name(), " is not computed by this graph"));
  }
  const bool has_tensor = output->is_parameter() || output->is_buffer();
  if (has_tensor && graph.find_parameter(output->name()) != output) {
    return broken("the output", absl::StrCat(output->name(), " is no parameter of this graph"));
  }
  if (std::count(output->uses().begin(), output->uses().end(), Use{nullptr, 0}) != 1) {
    return broken("the output", absl::StrCat(output->name(), " does not know that it is the output"));
  }
  return check_value(*output, "the output");
}

}  // namespace pare::graph
