#include "graph/operators.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/jit_type.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::graph {

namespace {

using torch::jit::Stack;

std::vector<c10::IValue> pop(Stack& stack, size_t count) {
  std::vector<c10::IValue> values(std::make_move_iterator(stack.end() - count), std::make_move_iterator(stack.end()));
  stack.erase(stack.end() - count, stack.end());
  return values;
}

void push_all(Stack& stack, c10::ArrayRef<c10::IValue> values, size_t expected) {
  TORCH_CHECK(values.size() == expected, "unpacking ", values.size(), " values into ", expected);
  stack.insert(stack.end(), values.begin(), values.end());
}

}  // namespace

absl::StatusOr<ResolvedOperator> resolve_operator(std::string_view op, std::string_view overload) {
  const c10::Symbol symbol = c10::Symbol::fromQualString(std::string(op));
  std::vector<std::string> overloads;
  for (const std::shared_ptr<torch::jit::Operator>& candidate : torch::jit::getAllOperatorsFor(symbol)) {
    const c10::FunctionSchema& schema = candidate->schema();
    if (schema.overload_name() != overload) {
      overloads.push_back(absl::StrCat("'", schema.overload_name(), "'"));
      continue;
    }
    torch::jit::Operation operation = candidate->getOperation();
    return ResolvedOperator{
        .schema = &schema, .owner = candidate, .function = [operation](Stack& stack) mutable { operation(stack); }};
  }
  if (overloads.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no operator ", std::string(op), ": it is not one of this LibTorch's, and no library that adds it is loaded"));
  }
  return absl::NotFoundError(absl::StrCat("operator ", std::string(op), " has no overload '", std::string(overload),
                                          "', only ", absl::StrJoin(overloads, ", ")));
}

absl::StatusOr<StackFunction> structure_function(std::string_view op, size_t num_inputs, size_t num_outputs,
                                                 c10::TypePtr element_type) {
  if (op == "prim::TupleConstruct") {
    return [num_inputs](Stack& stack) {
      std::vector<c10::IValue> elements = pop(stack, num_inputs);
      stack.emplace_back(c10::ivalue::Tuple::create(std::move(elements)));
    };
  }
  if (op == "prim::TupleUnpack") {
    return [num_outputs](Stack& stack) {
      const c10::IValue tuple = std::move(pop(stack, 1)[0]);
      push_all(stack, tuple.toTupleRef().elements().vec(), num_outputs);
    };
  }
  if (op == "prim::ListUnpack") {
    return [num_outputs](Stack& stack) {
      const c10::IValue list = std::move(pop(stack, 1)[0]);
      push_all(stack, list.toListRef(), num_outputs);
    };
  }
  if (op == "prim::ListConstruct") {
    if (element_type == nullptr) return absl::InvalidArgumentError("prim::ListConstruct needs its elements' type");
    return [num_inputs, element_type](Stack& stack) {
      c10::impl::GenericList list(element_type);
      list.reserve(num_inputs);
      for (c10::IValue& element : pop(stack, num_inputs)) list.push_back(std::move(element));
      stack.emplace_back(std::move(list));
    };
  }
  if (op == "prim::DictConstruct") {
    const auto type = element_type == nullptr ? nullptr : element_type->cast<c10::DictType>();
    if (type == nullptr) return absl::InvalidArgumentError("prim::DictConstruct needs the dict's type");
    return [num_inputs, type](Stack& stack) {
      c10::impl::GenericDict dict(type->getKeyType(), type->getValueType());
      const std::vector<c10::IValue> elements = pop(stack, num_inputs);
      for (size_t i = 0; i + 1 < elements.size(); i += 2) dict.insert_or_assign(elements[i], elements[i + 1]);
      stack.emplace_back(std::move(dict));
    };
  }
  return absl::NotFoundError(absl::StrCat(std::string(op), " is no operator that makes or takes apart a structure"));
}

}  // namespace pare::graph
