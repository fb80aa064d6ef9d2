#include "export/onnx/aliases.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

namespace pare::exporters {
namespace {

// The input whose memory output number `index` of `node` may share; nullptr if none.
const graph::Value* aliased_input(const graph::Node& node, size_t index) {
  const c10::FunctionSchema* schema = node.schema();
  if (schema == nullptr) {
    // Tuples and lists hold their elements themselves.
    const bool packs = node.op() == "prim::ListConstruct" || node.op() == "prim::TupleConstruct";
    if (packs || node.inputs().empty()) return nullptr;
    return node.input(0);
  }
  if (index >= schema->returns().size() || schema->returns()[index].alias_info() == nullptr) return nullptr;
  for (size_t i = 0; i < schema->arguments().size() && i < node.inputs().size(); ++i) {
    if (schema->arguments()[i].alias_info() != nullptr) return node.input(i);
  }
  return nullptr;
}

}  // namespace

Aliases::Aliases(const graph::Graph& graph) {
  const auto add = [&](const graph::Value* value, const graph::Value* root) {
    if (!roots_.emplace(value, root).second) return;
    groups_[root].push_back(value);
  };
  for (const graph::Value* input : graph.inputs()) add(input, input);
  for (const graph::Node* node : graph.nodes()) {
    for (const graph::Value* input : node->inputs()) add(input, input);
    for (size_t i = 0; i < node->outputs().size(); ++i) {
      const graph::Value* source = aliased_input(*node, i);
      add(node->output(i), source == nullptr ? node->output(i) : root(source));
    }
  }
  if (graph.output() != nullptr) add(graph.output(), graph.output());
}

const graph::Value* Aliases::root(const graph::Value* value) const { return roots_.at(value); }

const std::vector<const graph::Value*>& Aliases::group(const graph::Value* value) const {
  return groups_.at(root(value));
}

absl::Status Aliases::check_in_place(const graph::Node& node) const {
  const graph::Value* target = node.input(0);
  for (const graph::Value* other : group(target)) {
    if (other == target || other->producer() == &node) continue;
    // Values that are computed later are made from the result, or from others that are met here.
    if (other->producer() != nullptr && node.graph()->is_before(&node, other->producer())) continue;
    for (const graph::Use& use : other->uses()) {
      if (use.user != nullptr && (use.user == &node || !node.graph()->is_before(&node, use.user))) continue;
      return absl::UnimplementedError(
          absl::StrCat(node.name(), node.source().empty() ? "" : absl::StrCat(" (", node.source(), ")"), ": ",
                       node.op(), " writes into memory that ", other->name(), " shares and that ",
                       use.user == nullptr ? "the model's output" : use.user->name(),
                       " reads afterwards; this cannot be exported: use the operator that returns a new tensor"));
    }
  }
  return absl::OkStatus();
}

}  // namespace pare::exporters
