#include "compression/pruning/label_rules.h"

#include <algorithm>
#include <set>

namespace pare::pruning {
namespace {

// Those known to work on each number by itself, and to leave a zero zero.
bool is_elementwise_transform(std::string_view type) {
  static const auto* types =
      new std::set<std::string_view>{"quantizer", "sparsity_mask", "rb_mask", "movement_mask", "filter_mask"};
  return types->count(type) > 0;
}

void transform_rule(RuleContext& context) {
  const graph::Transform& transform = *context.node.transform();
  TensorLabels* x = context.in(size_t{0});
  TensorLabels* y = context.out();
  if (x == nullptr || y == nullptr || x->shape != y->shape || !is_elementwise_transform(transform.type())) {
    context.fix_inputs();
    return;
  }
  context.pass_all(*x, *y);
  const int64_t channel_axis = transform.channel_axis();
  for (size_t i = 1; i < context.node.inputs().size(); ++i) {
    TensorLabels* extra = context.in(i);
    if (extra == nullptr) continue;
    const bool counts_channels = channel_axis >= 0 && channel_axis < static_cast<int64_t>(x->rank()) &&
                                 extra->rank() == 1 && extra->shape[0] == x->shape[static_cast<size_t>(channel_axis)];
    if (extra->shape == x->shape) {
      for (size_t axis = 0; axis < x->rank(); ++axis) context.sets.unite(x->axes[axis], extra->axes[axis]);
    } else if (counts_channels) {
      context.sets.unite(x->axes[static_cast<size_t>(channel_axis)], extra->axes[0]);
    } else {
      context.fix(*extra);
      // One scale for all is in nobody's way; what else it could be is not known.
      if (extra->rank() > 1 || (extra->rank() == 1 && extra->shape[0] != 1)) context.fix(*x);
    }
  }
}

const LabelRules& rules() {
  static const LabelRules* made = [] {
    auto* rules = new LabelRules;
    add_elementwise_rules(*rules);
    add_layer_rules(*rules);
    add_product_rules(*rules);
    add_reduction_rules(*rules);
    add_movement_rules(*rules);
    add_reshape_rules(*rules);
    return rules;
  }();
  return *made;
}

TensorLabels* tensor_of(ValueLabels& labels) { return labels.is_tensor() ? &labels.tensors[0] : nullptr; }

std::optional<size_t> axis_of(int64_t dim, size_t rank) {
  if (dim < 0) dim += static_cast<int64_t>(rank);
  if (dim < 0 || dim >= static_cast<int64_t>(rank)) return std::nullopt;
  return static_cast<size_t>(dim);
}

}  // namespace

const LabelRule& find_label_rule(const graph::Node& node) {
  static const auto* transform = new LabelRule(transform_rule);
  static const auto* unknown = new LabelRule([](RuleContext& context) { context.fix_inputs(); });
  if (node.is_transform()) return *transform;
  // What is written into a tensor may be seen through another one that shares its memory.
  if (graph::is_in_place(node)) return *unknown;
  const auto found = rules().find(node.op());
  return found == rules().end() ? *unknown : found->second;
}

TensorLabels* RuleContext::in(size_t index) const {
  return index < node.inputs().size() ? tensor_of(values_[node.input(index)]) : nullptr;
}

TensorLabels* RuleContext::in(std::string_view argument) const {
  const int index = node.argument_index(argument);
  return index < 0 ? nullptr : in(static_cast<size_t>(index));
}

TensorLabels* RuleContext::out(size_t index) const {
  return index < node.outputs().size() ? tensor_of(values_[node.output(index)]) : nullptr;
}

std::vector<TensorLabels>* RuleContext::list_in(size_t index) const {
  if (index >= node.inputs().size()) return nullptr;
  ValueLabels& labels = values_[node.input(index)];
  return labels.is_list ? &labels.tensors : nullptr;
}

std::vector<TensorLabels>* RuleContext::list_out(size_t index) const {
  if (index >= node.outputs().size()) return nullptr;
  ValueLabels& labels = values_[node.output(index)];
  return labels.is_list ? &labels.tensors : nullptr;
}

std::optional<int64_t> RuleContext::integer(std::string_view argument) const {
  const graph::Value* value = node.argument(argument);
  if (value == nullptr || !value->is_constant() || !value->constant().isInt()) return std::nullopt;
  return value->constant().toInt();
}

std::optional<double> RuleContext::number(std::string_view argument) const {
  const graph::Value* value = node.argument(argument);
  if (value == nullptr || !value->is_constant()) return std::nullopt;
  const c10::IValue& constant = value->constant();
  if (constant.isInt()) return static_cast<double>(constant.toInt());
  if (constant.isDouble()) return constant.toDouble();
  return std::nullopt;
}

std::optional<std::vector<int64_t>> RuleContext::integers(std::string_view argument) const {
  const graph::Value* value = node.argument(argument);
  if (value == nullptr || !value->is_constant()) return std::nullopt;
  if (value->constant().isIntList()) return value->constant().toIntVector();
  if (value->constant().isInt()) return std::vector<int64_t>{value->constant().toInt()};
  return std::nullopt;
}

std::optional<size_t> RuleContext::axis(std::string_view argument, size_t rank) const {
  const std::optional<int64_t> dim = integer(argument);
  return dim.has_value() ? axis_of(*dim, rank) : std::nullopt;
}

std::optional<std::vector<size_t>> RuleContext::axes(std::string_view argument, size_t rank) const {
  const std::optional<std::vector<int64_t>> dims = integers(argument);
  if (!dims.has_value()) return std::nullopt;
  std::vector<size_t> result;
  for (const int64_t dim : *dims) {
    const std::optional<size_t> axis = axis_of(dim, rank);
    if (!axis.has_value()) return std::nullopt;
    result.push_back(*axis);
  }
  return result;
}

void RuleContext::pass(const Axis& from, TensorLabels& to, size_t axis) const {
  if (!from.is_labelled()) return;
  if (axis >= to.rank() || static_cast<int64_t>(from.labels.size()) != to.shape[axis]) {
    sets.fix(from);
    return;
  }
  to.axes[axis] = from;
}

void RuleContext::pass_all(const TensorLabels& from, TensorLabels& to) const {
  if (from.rank() != to.rank()) return fix(from);
  for (size_t axis = 0; axis < from.rank(); ++axis) pass(from.axes[axis], to, axis);
}

void RuleContext::fix(const TensorLabels& tensor) const {
  for (const Axis& axis : tensor.axes) sets.fix(axis);
}

void RuleContext::fix_inputs() const {
  for (const graph::Value* input : node.inputs()) {
    const ValueLabels& labels = values_[input];
    for (const TensorLabels& tensor : labels.tensors) fix(tensor);
    sets.fix(labels.counted);
  }
}

void broadcast(RuleContext& context, const std::vector<const TensorLabels*>& inputs, TensorLabels& out) {
  for (size_t axis = 0; axis < out.rank(); ++axis) {
    std::vector<const Axis*> labelled;
    bool any_unlabelled = false;
    for (const TensorLabels* input : inputs) {
      const size_t offset = out.rank() - input->rank();
      if (input->rank() > out.rank() || axis < offset) continue;
      const Axis& each = input->axes[axis - offset];
      if (input->shape[axis - offset] != out.shape[axis]) {
        context.sets.fix(each);  // a single one that is spread over all
      } else if (each.is_labelled()) {
        labelled.push_back(&each);
      } else if (out.shape[axis] != 1) {
        any_unlabelled = true;
      }
    }
    if (labelled.empty()) continue;
    Axis result = *labelled[0];
    for (const Axis* each : labelled) {
      context.sets.unite(result, *each);
      result.is_zero = result.is_zero && each->is_zero;
    }
    if (any_unlabelled) context.sets.fix(result);
    out.axes[axis] = std::move(result);
  }
}

}  // namespace pare::pruning
