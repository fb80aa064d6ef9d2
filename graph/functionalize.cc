#include "graph/functionalize.h"

#include <algorithm>
#include <string>

#include "base/status_macros.h"
#include "graph/aliases.h"

namespace pare::graph {

namespace {

bool is_only_first_written(const Node& node) {
  const auto& arguments = node.schema()->arguments();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool is_written = arguments[i].alias_info() != nullptr && arguments[i].alias_info()->isWrite();
    if (is_written != (i == 0)) return false;
  }
  return node.outputs().size() == 1;
}

// "aten::relu" for "aten::relu_"; empty for what is in place without being called so, and for __iadd__ and the like.
std::string functional_name(const Node& node) {
  const std::string& op = node.op();
  if (op.size() < 2 || op.back() != '_' || op[op.size() - 2] == '_') return "";
  return op.substr(0, op.size() - 1);
}

bool takes_the_same(const Node& node, const Node& other) {
  const auto& ours = node.schema()->arguments();
  const auto& theirs = other.schema()->arguments();
  return other.outputs().size() == 1 && !is_in_place(other) &&
         std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                    [](const auto& a, const auto& b) { return a.type()->kind() == b.type()->kind(); });
}

bool is_used_after(const Graph& graph, const Value* value, const Node* node) {
  return std::any_of(value->uses().begin(), value->uses().end(), [&](const Use& use) {
    return use.user == nullptr || (use.user != node && graph.is_before(node, use.user));
  });
}

// Whether `value` was made from the output of `node`, and so sees its effect in the functional form too.
bool is_made_after(const Graph& graph, const Value* value, const Node* node) {
  return value->producer() != nullptr && (value->producer() == node || graph.is_before(node, value->producer()));
}

}  // namespace

absl::Status functionalize(Graph& graph) {
  for (Node* node : graph.nodes()) {
    if (!is_in_place(*node) || !is_only_first_written(*node)) continue;
    Value* written = node->input(0);
    if (written->kind() != Value::Kind::kNodeOutput && written->kind() != Value::Kind::kInput) continue;
    const std::string op = functional_name(*node);
    if (op.empty()) continue;
    // The sets change with every node that is replaced.
    AliasSets aliases(graph);
    const auto sharing = aliases.of(written);
    const bool is_shared = std::any_of(sharing.begin(), sharing.end(), [&](const Value* other) {
      if (other == written || is_made_after(graph, other, node)) return false;
      return other->is_parameter() || other->is_buffer() || is_used_after(graph, other, node);
    });
    if (is_shared) continue;
    NodePlace place{
        .before = node, .scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()};
    const auto made = graph.add_operator(op, node->overload(), node->inputs(), place);
    if (!made.ok()) continue;  // there is no functional form of it
    Node* functional = *made;
    if (!takes_the_same(*node, *functional)) {
      PARE_RETURN_IF_ERROR(graph.remove(functional));
      continue;
    }
    PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), functional->output()));
    PARE_RETURN_IF_ERROR(graph.replace_uses(written, functional->output(), [&](const Use& use) {
      return use.user == nullptr || (use.user != node && graph.is_before(node, use.user));
    }));
    PARE_RETURN_IF_ERROR(graph.remove(node));
  }
  return absl::OkStatus();
}

bool writes_into_constants(const Graph& graph) {
  AliasSets aliases(graph);
  const auto nodes = graph.nodes();
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node* node) {
    if (!is_in_place(*node)) return false;
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      const c10::AliasInfo* alias = node->schema()->arguments()[i].alias_info();
      if (alias == nullptr || !alias->isWrite()) continue;
      const auto sharing = aliases.of(node->input(i));
      if (std::any_of(sharing.begin(), sharing.end(), [](const Value* value) { return value->is_constant(); })) {
        return true;
      }
    }
    return false;
  });
}

}  // namespace pare::graph
