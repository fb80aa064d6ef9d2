#include "compression/pruning/axis_role.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "compression/pruning/reshape_axes.h"

namespace pare::pruning {
namespace {

using graph::Node;
using graph::Value;
using Names = std::set<std::string_view>;

class Tracer {
 public:
  explicit Tracer(const LabelMap& values) : values_(values) {}

  AxisRole of_value(const Value& value, size_t axis) {
    if (!seen_.insert({&value, axis}).second) return AxisRole::kOther;
    std::set<AxisRole> roles;
    for (const graph::Use& use : value.uses()) {
      if (use.user != nullptr) roles.insert(of_use(*use.user, use.index, axis));
    }
    for (const AxisRole role : {AxisRole::kTakenApart, AxisRole::kBatch, AxisRole::kContracted}) {
      if (roles.count(role) > 0) return role;
    }
    return AxisRole::kOther;
  }

 private:
  const TensorLabels* tensor(const Value* value) const {
    const auto found = values_.find(value);
    return found != values_.end() && found->second.is_tensor() ? &found->second.tensors[0] : nullptr;
  }

  static std::optional<size_t> dimension(const Node& node, const char* name, size_t rank) {
    const Value* value = node.argument(name);
    if (value == nullptr || !value->is_constant() || !value->constant().isInt()) return std::nullopt;
    const int64_t dim = value->constant().toInt();
    return static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(rank) : dim);
  }

  AxisRole of_use(const Node& node, size_t index, size_t axis) {
    static const auto* apart = new Names{"aten::split",  "aten::split_with_sizes", "aten::chunk",       "aten::slice",
                                         "aten::narrow", "aten::unsafe_chunk",     "aten::unsafe_split"};
    static const auto* reshapes = new Names{"aten::view", "aten::reshape", "aten::_unsafe_view", "aten::flatten"};
    static const auto* products = new Names{"aten::matmul", "aten::bmm", "aten::baddbmm"};
    const TensorLabels* x = tensor(node.input(index));
    if (x == nullptr) return AxisRole::kOther;
    const std::string& op = node.op();
    if (op == "aten::select" || op == "aten::unbind") {
      const auto dropped = dimension(node, "dim", x->rank());
      if (!dropped.has_value() || *dropped == axis) return AxisRole::kTakenApart;
      return of_outputs(node, axis - (*dropped < axis ? 1 : 0));
    }
    if (apart->count(op) > 0) {
      if (dimension(node, "dim", x->rank()) == axis) return AxisRole::kTakenApart;
      return of_outputs(node, axis);
    }
    if (op == "aten::transpose") {
      const auto first = dimension(node, "dim0", x->rank()), second = dimension(node, "dim1", x->rank());
      return of_outputs(node, axis == first ? second.value_or(axis) : axis == second ? first.value_or(axis) : axis);
    }
    if (op == "aten::permute") return of_permute(node, x->rank(), axis);
    if (reshapes->count(op) > 0) return of_reshape(node, *x, axis);
    if (products->count(op) > 0) return of_product(op == "aten::baddbmm" ? index - 1 : index, x->rank(), axis);
    return of_elementwise(node, *x, axis);
  }

  AxisRole of_permute(const Node& node, size_t rank, size_t axis) {
    const Value* dims = node.argument("dims");
    if (dims == nullptr || !dims->is_constant() || !dims->constant().isIntList()) return AxisRole::kOther;
    const std::vector<int64_t> order = dims->constant().toIntVector();
    for (size_t i = 0; i < order.size(); ++i) {
      const int64_t from = order[i] < 0 ? order[i] + static_cast<int64_t>(rank) : order[i];
      if (from == static_cast<int64_t>(axis)) return of_outputs(node, i);
    }
    return AxisRole::kOther;
  }

  // As long as it is not taken apart: with others in one axis it is what becomes of that.
  AxisRole of_reshape(const Node& node, const TensorLabels& x, size_t axis) {
    const TensorLabels* y = tensor(node.output());
    if (y == nullptr) return AxisRole::kOther;
    for (const AxisGroup& group : match_axes(x.shape, y->shape)) {
      const bool is_in = std::find(group.in.begin(), group.in.end(), axis) != group.in.end();
      if (is_in && group.out.size() == 1) return of_outputs(node, group.out[0]);
    }
    return AxisRole::kOther;
  }

  static AxisRole of_product(size_t operand, size_t rank, size_t axis) {
    if (axis + 2 < rank) return AxisRole::kBatch;
    const size_t contracted = operand == 0 ? rank - 1 : rank - 2;
    return axis == contracted ? AxisRole::kContracted : AxisRole::kOther;
  }

  // Whatever keeps the shape keeps the axes.
  AxisRole of_elementwise(const Node& node, const TensorLabels& x, size_t axis) {
    if (node.op() == "prim::ListConstruct") return AxisRole::kOther;
    for (const Value* output : node.outputs()) {
      const TensorLabels* y = tensor(output);
      if (y == nullptr || y->shape != x.shape) return AxisRole::kOther;
    }
    return of_outputs(node, axis);
  }

  // A list is taken apart again by what unpacks it.
  AxisRole of_outputs(const Node& node, size_t axis) {
    AxisRole role = AxisRole::kOther;
    for (const Value* output : node.outputs()) {
      AxisRole next = of_value(*output, axis);
      for (const graph::Use& use : output->uses()) {
        if (use.user == nullptr || use.user->op() != "prim::ListUnpack") continue;
        for (const Value* element : use.user->outputs()) next = stronger(next, of_value(*element, axis));
      }
      role = stronger(role, next);
    }
    return role;
  }

  static AxisRole stronger(AxisRole one, AxisRole other) {
    for (const AxisRole role : {AxisRole::kTakenApart, AxisRole::kBatch, AxisRole::kContracted}) {
      if (one == role || other == role) return role;
    }
    return AxisRole::kOther;
  }

  const LabelMap& values_;
  std::set<std::pair<const Value*, size_t>> seen_;
};

}  // namespace

AxisRole axis_role(const Value& value, size_t axis, const LabelMap& values) {
  return Tracer(values).of_value(value, axis);
}

}  // namespace pare::pruning
