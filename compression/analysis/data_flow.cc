#include "compression/analysis/data_flow.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "absl/strings/match.h"

namespace pare {

namespace {

using graph::Node;
using graph::Use;
using graph::Value;

std::optional<bool> is_floating_dtype(const Value* dtype) {
  if (dtype == nullptr || !dtype->is_constant() || !dtype->constant().isInt()) return std::nullopt;
  return c10::isFloatingType(static_cast<c10::ScalarType>(dtype->constant().toInt()));
}

bool is_float_scalar(const Value* value) { return value->is_constant() && value->constant().isDouble(); }

bool is_list(const Node* node) { return node->op() == "prim::ListConstruct" || node->op() == "prim::TupleConstruct"; }

// Values that end up as indices or conditions, found from their uses backwards.
std::unordered_set<const Value*> find_indices(const std::vector<Node*>& nodes,
                                              const std::unordered_map<const Node*, OperatorTraits>& traits) {
  std::unordered_set<const Value*> indices;
  for (auto position = nodes.rbegin(); position != nodes.rend(); ++position) {
    const Node* node = *position;
    const OperatorTraits& node_traits = traits.at(node);
    const bool passes_on = node_traits.is_agnostic() || node_traits.kind == OperatorKind::kArithmetic ||
                           node_traits.kind == OperatorKind::kConcat || is_list(node);
    const bool demanded = passes_on && std::any_of(node->outputs().begin(), node->outputs().end(),
                                                   [&](const Value* output) { return indices.count(output) > 0; });
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      const bool from_data = is_list(node) || std::count(node_traits.data.begin(), node_traits.data.end(), i) > 0;
      if (is_index_use({const_cast<Node*>(node), i}) || (demanded && from_data)) indices.insert(node->input(i));
    }
  }
  return indices;
}

// Whether nothing but comparisons and casts to a stated dtype read the value, through agnostic operators or at once.
bool is_only_cast(const Value* input, const std::unordered_map<const Node*, OperatorTraits>& traits) {
  std::vector<const Value*> pending = {input};
  std::unordered_set<const Value*> seen = {input};
  bool is_read = false;
  while (!pending.empty()) {
    const Value* value = pending.back();
    pending.pop_back();
    for (const Use& use : value->uses()) {
      if (use.user == nullptr) return false;
      if (is_shape_use(use)) continue;
      const OperatorTraits& user = traits.at(use.user);
      if (user.is_agnostic() && use.index == 0) {
        for (const Value* output : use.user->outputs()) {
          if (seen.insert(output).second) pending.push_back(output);
        }
        continue;
      }
      const bool casts = user.kind == OperatorKind::kCast && is_floating_dtype(use.user->argument("dtype")).has_value();
      if (!casts && user.kind != OperatorKind::kPredicate) return false;
      is_read = true;
    }
  }
  return is_read;
}

}  // namespace

DataFlow::DataFlow(const graph::Graph& graph, TargetDevice device) {
  const std::vector<Node*> nodes = graph.nodes();
  for (const Node* node : nodes) traits_.emplace(node, operator_traits(*node, device));
  const std::unordered_set<const Value*> indices = find_indices(nodes, traits_);
  for (const Value* input : graph.inputs()) {
    const bool is_real = indices.count(input) == 0 && !is_only_cast(input, traits_);
    facts_[input] = {is_real ? Number::kReal : Number::kNone, true};
  }
  for (const Node* node : nodes) visit(node);
}

Number DataFlow::number(const Value* value) const {
  switch (value->kind()) {
    case Value::Kind::kParameter:
    case Value::Kind::kBuffer:
      return c10::isFloatingType(value->tensor().scalar_type()) ? Number::kReal : Number::kNone;
    case Value::Kind::kConstant: {
      const bool is_tensor = value->constant().isTensor() && value->constant().toTensor().defined();
      return is_tensor && c10::isFloatingType(value->constant().toTensor().scalar_type()) ? Number::kReal
                                                                                          : Number::kNone;
    }
    default: {
      const auto found = facts_.find(value);
      return found == facts_.end() ? Number::kNone : found->second.number;
    }
  }
}

bool DataFlow::from_input(const Value* value) const {
  const auto found = facts_.find(value);
  return found != facts_.end() && found->second.from_input;
}

std::vector<Use> DataFlow::data_uses(const Value* value) const {
  std::vector<Use> uses;
  for (const Use& use : value->uses()) {
    if (!is_shape_use(use)) uses.push_back(use);
  }
  return uses;
}

std::vector<size_t> DataFlow::activation_inputs(const Node* node) const {
  std::vector<size_t> inputs;
  for (const size_t i : traits(node).data) {
    if (i < node->inputs().size() && from_input(node->input(i)) && number(node->input(i)) != Number::kNone) {
      inputs.push_back(i);
    }
  }
  return inputs;
}

void DataFlow::visit(const Node* node) {
  const bool reads_data = traits(node).kind != OperatorKind::kShapeQuery;
  const bool depends = reads_data && std::any_of(node->inputs().begin(), node->inputs().end(),
                                                 [&](const Value* input) { return from_input(input); });
  for (size_t i = 0; i < node->outputs().size(); ++i) facts_[node->output(i)] = {result(node, i), depends};
}

Number DataFlow::result(const Node* node, size_t output) const {
  const OperatorKind kind = traits(node).kind;
  if (kind == OperatorKind::kPredicate) return Number::kNone;
  if (kind == OperatorKind::kCast) return cast_result(node);
  if (kind == OperatorKind::kEmbedding) return output == 0 ? Number::kReal : Number::kNone;
  const bool has_indices = kind == OperatorKind::kSelection || node->op() == "aten::sort" || node->op() == "aten::topk";
  if (has_indices && output > 0) return Number::kNone;
  if (kind == OperatorKind::kShapeQuery) return factory_result(node);
  Number best = Number::kNone;
  bool has_tensors = false;
  for (const Value* input : node->inputs()) {
    best = std::max(best, number(input));
    has_tensors = has_tensors || !input->is_constant() || input->constant().isTensor();
  }
  if (!has_tensors) return factory_result(node);
  if (kind == OperatorKind::kArithmetic && best == Number::kNone) {
    const bool divides = absl::StrContains(node->op(), "div");
    const bool has_float = std::any_of(node->inputs().begin(), node->inputs().end(), is_float_scalar);
    if (divides || has_float) return Number::kCast;
  }
  return best;
}

Number DataFlow::cast_result(const Node* node) const {
  const Number source = number(node->input(0));
  const Number as_float = source == Number::kReal ? Number::kReal : Number::kCast;
  if (node->op() == "aten::float" || node->op() == "aten::half" || node->op() == "aten::double") return as_float;
  if (const Value* other = node->argument("other"); other != nullptr) {
    return number(other) == Number::kNone ? Number::kNone : as_float;
  }
  const std::optional<bool> floating = is_floating_dtype(node->argument("dtype"));
  if (!floating.has_value()) return source;
  return *floating ? as_float : Number::kNone;
}

// zeros, arange, rand, zeros_like, ...: by their dtype argument, else as their template, else the default dtype.
Number DataFlow::factory_result(const Node* node) const {
  const bool is_tensor = node->schema() == nullptr ||
                         (!node->schema()->returns().empty() && node->schema()->returns()[0].type()->str() == "Tensor");
  if (!is_tensor || node->op() == "aten::_shape_as_tensor") return Number::kNone;
  const std::optional<bool> floating = is_floating_dtype(node->argument("dtype"));
  if (floating.has_value()) return *floating ? Number::kReal : Number::kNone;
  if (const Value* self = node->argument("self"); self != nullptr) return number(self);
  if (node->op() == "aten::arange") {
    const bool has_float = std::any_of(node->inputs().begin(), node->inputs().end(), is_float_scalar);
    return has_float ? Number::kReal : Number::kNone;
  }
  return Number::kReal;
}

}  // namespace pare
