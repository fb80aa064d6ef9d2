#include "graph/import_numbers.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace pare::graph {

namespace {

using MaybeNumber = std::optional<ImportValue>;
using Kind = ImportValue::Kind;

bool is_one_of(std::string_view op, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), op) != names.end();
}

// The int that a tensor without dimensions, or an int itself, holds.
MaybeNumber int_of(const ImportValue& value) {
  if (value.kind == Kind::kGraph) return value.number == nullptr ? MaybeNumber() : MaybeNumber(*value.number);
  if (value.kind != Kind::kConstant) return std::nullopt;
  if (value.known.isInt()) return value;
  if (!value.known.isTensor()) return std::nullopt;
  const at::Tensor& tensor = value.known.toTensor();
  if (!tensor.defined() || tensor.dim() != 0 || tensor.scalar_type() != c10::kLong) return std::nullopt;
  return ImportValue::constant(tensor.item<int64_t>());
}

bool is_known_to_be(const ImportValue& value, int64_t number) {
  return value.kind == Kind::kConstant && value.known.isInt() && value.known.toInt() == number;
}

bool is_never_negative(const Value* value) {
  if (value->is_constant()) return value->constant().isInt() && value->constant().toInt() >= 0;
  const Node* node = value->producer();
  if (node == nullptr) return false;
  if (is_one_of(node->op(), {"aten::size", "aten::dim", "aten::numel", "aten::len"})) return true;
  return is_one_of(node->op(), {"aten::mul", "aten::add", "aten::floordiv"}) && is_never_negative(node->input(0)) &&
         is_never_negative(node->input(1));
}

// The operator on ints that does on them what `op` does on tensors; empty if there is none.
std::string_view int_operator(std::string_view op, const std::vector<ImportValue>& inputs, const Value* dividend) {
  if (is_one_of(op, {"aten::add", "aten::sub", "aten::rsub"})) {
    const bool is_plain = inputs.size() < 3 || is_known_to_be(inputs[2], 1);
    if (!is_plain) return {};
    return op == "aten::rsub" ? "aten::sub" : op;
  }
  if (is_one_of(op, {"aten::mul", "aten::remainder"})) return op;
  if (op == "aten::floor_divide") return "aten::floordiv";
  if (op != "aten::div") return {};
  if (inputs.size() < 3 || inputs[2].is_none()) return op;
  if (inputs[2].kind != Kind::kConstant || !inputs[2].known.isString()) return {};
  // Towards zero and downwards are the same for what is not negative.
  const std::string rounding = inputs[2].known.toStringRef();
  if (rounding == "floor" || (rounding == "trunc" && is_never_negative(dividend))) return "aten::floordiv";
  return {};
}

}  // namespace

absl::StatusOr<std::optional<ImportValue>> number_in_tensor(Graph& graph, std::string_view op,
                                                            const std::vector<ImportValue>& inputs,
                                                            const NodePlace& place) {
  if (inputs.empty()) return MaybeNumber();
  if (op == "prim::NumToTensor") return MaybeNumber(inputs[0]);
  const MaybeNumber first = int_of(inputs[0]);
  if (!first.has_value()) return MaybeNumber();
  if (is_one_of(op, {"aten::Int", "aten::IntImplicit", "aten::ScalarImplicit", "aten::item"})) {
    if (inputs[0].number == nullptr) return MaybeNumber();  // an int already: an ordinary operator
    const bool is_quotient = first->kind == Kind::kGraph && first->value->producer() != nullptr &&
                             first->value->producer()->op() == "aten::div";
    if (!is_quotient) return first;
    if (op != "aten::Int") return MaybeNumber();
    PARE_ASSIGN_OR_RETURN(Node * truncated, graph.add_operator("aten::Int", "float", {first->value}, place));
    return MaybeNumber(ImportValue::of_graph(truncated->output()));
  }
  // On plain ints the operator is what it is.
  if (inputs.size() < 2 || (inputs[0].number == nullptr && inputs[1].number == nullptr)) return MaybeNumber();
  const MaybeNumber second = int_of(inputs[1]);
  if (!second.has_value()) return MaybeNumber();
  const auto is_quotient = [](const ImportValue& value) {
    return value.kind == Kind::kGraph && value.value->producer() != nullptr &&
           value.value->producer()->op() == "aten::div";
  };
  if (is_quotient(*first) || is_quotient(*second)) return MaybeNumber();
  std::array<Value*, 2> values;
  for (size_t i = 0; i < 2; ++i) {
    const ImportValue& number = i == 0 ? *first : *second;
    values[i] = number.kind == Kind::kGraph ? number.value : graph.add_constant(number.known);
  }
  const std::string_view int_op = int_operator(op, inputs, values[0]);
  if (int_op.empty()) return MaybeNumber();
  if (op == "aten::rsub") std::swap(values[0], values[1]);
  PARE_ASSIGN_OR_RETURN(Node * node, graph.add_operator(int_op, "int", {values[0], values[1]}, place));
  return MaybeNumber(ImportValue::of_graph(node->output()));
}

}  // namespace pare::graph
