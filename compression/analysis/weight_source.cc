#include "compression/analysis/weight_source.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace pare {

namespace {

using graph::Node;
using graph::Use;
using graph::Value;

constexpr int64_t kNewAxis = -1;

// The axis of the source that each axis of a value is. nullopt: not known.
using Axes = std::optional<std::vector<int64_t>>;

std::optional<int64_t> int_argument(const Node* node, const char* name, size_t rank) {
  const Value* value = node->argument(name);
  if (value == nullptr || !value->is_constant() || !value->constant().isInt()) return std::nullopt;
  int64_t axis = value->constant().toInt();
  if (axis < 0) axis += static_cast<int64_t>(rank);
  if (axis < 0 || axis >= static_cast<int64_t>(rank)) return std::nullopt;
  return axis;
}

Axes swapped(std::vector<int64_t> axes, std::optional<int64_t> first, std::optional<int64_t> second) {
  if (!first.has_value() || !second.has_value()) return std::nullopt;
  std::swap(axes[static_cast<size_t>(*first)], axes[static_cast<size_t>(*second)]);
  return axes;
}

Axes permuted(const std::vector<int64_t>& axes, const Node* node) {
  const Value* dims = node->argument("dims");
  if (dims == nullptr || !dims->is_constant() || !dims->constant().isIntList()) return std::nullopt;
  const std::vector<int64_t> order = dims->constant().toIntVector();
  if (order.size() != axes.size()) return std::nullopt;
  std::vector<int64_t> result;
  for (int64_t axis : order) {
    if (axis < 0) axis += static_cast<int64_t>(axes.size());
    if (axis < 0 || axis >= static_cast<int64_t>(axes.size())) return std::nullopt;
    result.push_back(axes[static_cast<size_t>(axis)]);
  }
  return result;
}

Axes without(std::vector<int64_t> axes, std::optional<int64_t> axis) {
  if (!axis.has_value()) return std::nullopt;
  axes.erase(axes.begin() + *axis);
  return axes;
}

// What `node` makes of the axes of its input.
Axes moved(const Axes& input, const Node* node) {
  if (!input.has_value() || node->is_transform()) return input;
  const std::string& op = node->op();
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return op == name; });
  };
  if (is_one_of({"aten::t", "aten::numpy_T"})) return std::vector<int64_t>(input->rbegin(), input->rend());
  if (op == "aten::transpose") {
    return swapped(*input, int_argument(node, "dim0", input->size()), int_argument(node, "dim1", input->size()));
  }
  if (op == "aten::permute") return permuted(*input, node);
  if (is_one_of({"aten::select", "aten::unbind"})) return without(*input, int_argument(node, "dim", input->size()));
  if (op == "aten::unsqueeze") {
    const auto axis = int_argument(node, "dim", input->size() + 1);
    if (!axis.has_value()) return std::nullopt;
    std::vector<int64_t> axes = *input;
    axes.insert(axes.begin() + *axis, kNewAxis);
    return axes;
  }
  if (is_one_of({"aten::contiguous", "aten::clone", "aten::detach", "aten::alias", "aten::dropout", "aten::slice",
                 "aten::narrow", "aten::chunk", "aten::split", "aten::split_with_sizes", "aten::tensor_split",
                 "aten::unsafe_chunk", "aten::unsafe_split", "prim::ListUnpack", "aten::roll", "aten::flip",
                 "aten::to"})) {
    return input;
  }
  return std::nullopt;
}

bool passes_elements_on(const Node* node, const DataFlow& flow) {
  if (node->is_transform()) return true;
  const OperatorKind kind = flow.traits(node).kind;
  return kind == OperatorKind::kMovement || (kind == OperatorKind::kCast && node->op() == "aten::to");
}

}  // namespace

std::optional<WeightSource> find_weight_source(Node* node, size_t input, int64_t axis, const DataFlow& flow) {
  Use use{node, input};
  Value* value = node->input(input);
  if (flow.from_input(value) || flow.number(value) != Number::kReal) return std::nullopt;
  std::vector<const Node*> way;  // from the operator to the source
  while (value->producer() != nullptr && passes_elements_on(value->producer(), flow)) {
    way.push_back(value->producer());
    use = {value->producer(), 0};
    value = value->producer()->input(0);
  }
  if (!value->is_parameter() && !value->is_buffer()) return std::nullopt;

  Axes axes = std::vector<int64_t>(static_cast<size_t>(value->tensor().dim()));
  std::iota(axes->begin(), axes->end(), 0);
  for (auto step = way.rbegin(); step != way.rend(); ++step) axes = moved(axes, *step);
  if (!axes.has_value()) return WeightSource{value, use, std::nullopt};
  if (axis < 0) axis += static_cast<int64_t>(axes->size());
  const bool exists = axis >= 0 && axis < static_cast<int64_t>(axes->size());
  const int64_t found = exists ? (*axes)[static_cast<size_t>(axis)] : kNewAxis;
  return WeightSource{value, use, found == kNewAxis ? std::nullopt : std::optional(found)};
}

}  // namespace pare
