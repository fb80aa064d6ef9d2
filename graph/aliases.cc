#include "graph/aliases.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace pare::graph {

namespace {

bool may_return_its_input(const Node& node) {
  static const std::set<std::string_view> kOperators = {
      "aten::dropout",     "aten::alpha_dropout", "aten::feature_dropout",   "aten::feature_alpha_dropout",
      "aten::type_as",     "aten::_unsafe_view",  "aten::atleast_1d",        "aten::atleast_2d",
      "aten::meshgrid",    "aten::atleast_3d",    "aten::broadcast_tensors", "aten::cartesian_prod",
      "aten::rrelu",       "aten::pad",           "aten::constant_pad_nd",   "aten::einsum",
      "aten::__getitem__",
  };
  return kOperators.count(node.op()) > 0;
}

// Whether a list or tuple only hands its elements to operators that make something new of them (cat, stack).
bool only_passes_on(const Node& node) {
  if (node.op() != "prim::ListConstruct" && node.op() != "prim::TupleConstruct") return false;
  const auto& uses = node.output()->uses();
  return std::all_of(uses.begin(), uses.end(), [](const Use& use) {
    if (use.user == nullptr || use.user->schema() == nullptr || use.user->schema()->is_vararg()) return false;
    return !may_return_its_input(*use.user) && use.user->schema()->arguments()[use.index].alias_info() == nullptr;
  });
}

}  // namespace

AliasSets::AliasSets(const Graph& graph) {
  for (const Node* node : graph.nodes()) {
    if (only_passes_on(*node)) {
      for (Value* element : node->inputs()) holders_[element].push_back(node->output());
      continue;
    }
    const bool any_input = node->schema() == nullptr || node->schema()->is_vararg() || may_return_its_input(*node);
    for (size_t o = 0; o < node->outputs().size(); ++o) {
      if (!any_input && node->schema()->returns()[o].alias_info() == nullptr) continue;
      for (size_t i = 0; i < node->inputs().size(); ++i) {
        if (any_input || node->schema()->arguments()[i].alias_info() != nullptr) join(node->input(i), node->output(o));
      }
    }
  }
  std::vector<Value*> values;
  for (const auto& entry : parents_) values.push_back(entry.first);
  for (Value* value : values) members_[root_of(value)].push_back(value);
}

Value* AliasSets::root_of(Value* value) {
  Value*& parent = parents_.emplace(value, value).first->second;
  if (parent != value) parent = root_of(parent);
  return parent;
}

void AliasSets::join(Value* a, Value* b) {
  // An int or a flag shares nothing.
  const auto is_plain = [](const Value* value) {
    return value->kind() == Value::Kind::kTraining || (value->is_constant() && !value->constant().isTensor() &&
                                                       !value->constant().isList() && !value->constant().isTuple());
  };
  if (is_plain(a) || is_plain(b)) return;
  Value* root = root_of(a);
  parents_[root_of(b)] = root;
}

std::vector<Value*> AliasSets::of(Value* value) {
  const auto found = members_.find(root_of(value));
  std::vector<Value*> values = found == members_.end() ? std::vector<Value*>{value} : found->second;
  for (size_t i = 0, count = values.size(); i < count; ++i) {
    const auto holders = holders_.find(values[i]);
    if (holders != holders_.end()) values.insert(values.end(), holders->second.begin(), holders->second.end());
  }
  return values;
}

}  // namespace pare::graph
