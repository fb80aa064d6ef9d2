// Operators that move elements, take some, or put tensors together; and lists.

#include <algorithm>
#include <numeric>

#include "compression/pruning/label_rules.h"

namespace pare::pruning {
namespace {

Axis part(const Axis& axis, size_t begin, size_t end) {
  if (!axis.is_labelled()) return {};
  return {{axis.labels.begin() + static_cast<std::ptrdiff_t>(begin),
           axis.labels.begin() + static_cast<std::ptrdiff_t>(end)},
          axis.is_zero};
}

// Axis i of the output is axis order[i] of the input.
void pass_in_order(RuleContext& context, const std::optional<std::vector<size_t>>& order) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  if (x == nullptr || out == nullptr || !order.has_value() || order->size() != out->rank()) {
    return context.fix_inputs();
  }
  for (size_t axis = 0; axis < order->size(); ++axis) context.pass(x->axes[(*order)[axis]], *out, axis);
}

void permute_rule(RuleContext& context) {
  const TensorLabels* x = context.in(size_t{0});
  pass_in_order(context, x == nullptr ? std::nullopt : context.axes("dims", x->rank()));
}

void transpose_rule(RuleContext& context) {
  const TensorLabels* x = context.in(size_t{0});
  if (x == nullptr) return context.fix_inputs();
  const auto first = context.axis("dim0", x->rank()), second = context.axis("dim1", x->rank());
  if (!first.has_value() || !second.has_value()) return context.fix_inputs();
  std::vector<size_t> order(x->rank());
  std::iota(order.begin(), order.end(), size_t{0});
  std::swap(order[*first], order[*second]);
  pass_in_order(context, order);
}

// aten::t, numpy_T
void reverse_rule(RuleContext& context) {
  const TensorLabels* x = context.in(size_t{0});
  std::vector<size_t> order(x == nullptr ? 0 : x->rank());
  std::iota(order.rbegin(), order.rend(), size_t{0});
  pass_in_order(context, order);
}

// Without the axis `dim`.
void drop_axis(RuleContext& context, const TensorLabels& x, TensorLabels& out, size_t dropped) {
  context.sets.fix(x.axes[dropped]);
  for (size_t axis = 0; axis < x.rank(); ++axis) {
    if (axis != dropped) context.pass(x.axes[axis], out, axis - (axis > dropped ? 1 : 0));
  }
}

void select_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  const auto axis = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  if (out == nullptr || !axis.has_value()) return context.fix_inputs();
  drop_axis(context, *x, *out, *axis);
}

void unbind_rule(RuleContext& context) {
  TensorLabels* x = context.in(size_t{0});
  std::vector<TensorLabels>* parts = context.list_out();
  const auto axis = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  if (parts == nullptr || !axis.has_value()) return context.fix_inputs();
  for (TensorLabels& each : *parts) drop_axis(context, *x, each, *axis);
}

// split, chunk: what removing makes of the sizes, argument_rewrites.cc knows.
void split_rule(RuleContext& context) {
  TensorLabels* x = context.in(size_t{0});
  std::vector<TensorLabels>* parts = context.list_out();
  const auto axis = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  const bool is_constant = context.node.inputs().size() > 1 && context.node.input(1)->is_constant();
  if (parts == nullptr || !axis.has_value() || !is_constant) return context.fix_inputs();
  size_t begin = 0;
  for (TensorLabels& each : *parts) {
    const size_t end = begin + static_cast<size_t>(each.shape.at(*axis));
    for (size_t i = 0; i < x->rank(); ++i)
      context.pass(i == *axis ? part(x->axes[i], begin, end) : x->axes[i], each, i);
    begin = end;
  }
}

void slice_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  const auto axis = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  if (out == nullptr || !axis.has_value()) return context.fix_inputs();
  for (size_t i = 0; i < x->rank(); ++i) {
    if (i != *axis) context.pass(x->axes[i], *out, i);
  }
  if (!x->axes[*axis].is_labelled()) return;
  const graph::Value* start_value = context.node.argument("start");
  const graph::Value* end_value = context.node.argument("end");
  const graph::Value* length = context.node.argument("length");
  const bool is_known = (start_value == nullptr || start_value->is_constant()) &&
                        (end_value == nullptr || end_value->is_constant()) &&
                        (length == nullptr || length->is_constant()) && context.integer("step").value_or(1) == 1;
  const int64_t size = x->shape[*axis];
  int64_t start = context.integer("start").value_or(0);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  const int64_t end = start + out->shape[*axis];
  if (!is_known || end > size) return context.sets.fix(x->axes[*axis]);
  context.pass(part(x->axes[*axis], static_cast<size_t>(start), static_cast<size_t>(end)), *out, *axis);
}

// Axes that all pieces have alike. `skipped`: of the output, not one of them.
void pass_common(RuleContext& context, const std::vector<TensorLabels>& pieces, TensorLabels& out, size_t skipped,
                 bool is_new) {
  for (size_t axis = 0; axis < out.rank(); ++axis) {
    if (axis == skipped) continue;
    const size_t from = axis - (is_new && axis > skipped ? 1 : 0);
    Axis result = pieces[0].axes[from];
    for (const TensorLabels& piece : pieces) {
      context.sets.unite(result, piece.axes[from]);
      result.is_zero = result.is_zero && piece.axes[from].is_zero;
    }
    context.pass(result, out, axis);
  }
}

void cat_rule(RuleContext& context) {
  std::vector<TensorLabels>* pieces = context.list_in(0);
  TensorLabels* out = context.out();
  const auto axis = out == nullptr ? std::nullopt : context.axis("dim", out->rank());
  if (pieces == nullptr || pieces->empty() || !axis.has_value()) return context.fix_inputs();
  // Empty tensors of one dimension may stand in a list for nothing.
  for (const TensorLabels& piece : *pieces) {
    if (piece.rank() != out->rank()) return context.fix_inputs();
  }
  pass_common(context, *pieces, *out, *axis, false);
  Axis joined;
  joined.is_zero = true;
  bool any = false;
  for (const TensorLabels& piece : *pieces) {
    Axis labels = piece.axes[*axis];
    any = any || labels.is_labelled();
    if (!labels.is_labelled()) {
      labels = context.sets.fresh_axis(piece.shape[*axis], true);
      context.sets.fix(labels);
    }
    joined.labels.insert(joined.labels.end(), labels.labels.begin(), labels.labels.end());
    joined.is_zero = joined.is_zero && labels.is_zero;
  }
  if (any) context.pass(joined, *out, *axis);
}

void stack_rule(RuleContext& context) {
  std::vector<TensorLabels>* pieces = context.list_in(0);
  TensorLabels* out = context.out();
  const auto axis = out == nullptr ? std::nullopt : context.axis("dim", out->rank());
  if (pieces == nullptr || pieces->empty() || !axis.has_value()) return context.fix_inputs();
  pass_common(context, *pieces, *out, *axis, true);
}

void unsqueeze_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  const auto added = out == nullptr ? std::nullopt : context.axis("dim", out->rank());
  if (x == nullptr || !added.has_value()) return context.fix_inputs();
  for (size_t axis = 0; axis < x->rank(); ++axis) context.pass(x->axes[axis], *out, axis + (axis >= *added ? 1 : 0));
}

// Without `dim`, an axis that is left with one index would vanish, too.
void squeeze_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  const auto dim = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  if (out == nullptr || !dim.has_value()) return context.fix_inputs();
  if (out->rank() + 1 == x->rank()) return drop_axis(context, *x, *out, *dim);
  context.sets.fix(x->axes[*dim]);
  context.pass_all(*x, *out);
}

// `pad`: before and after, the last axis first. What a constant fills is as good as the channel of a layer: whoever
// adds to it decides whether it goes.
void pad_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  const auto pads = context.integers("pad");
  const graph::Value* mode = context.node.argument("mode");
  const bool is_constant = mode == nullptr || (mode->is_constant() && mode->constant().isString() &&
                                               mode->constant().toStringRef() == "constant");
  const graph::Value* fill = context.node.argument("value");
  if (x == nullptr || out == nullptr || !pads.has_value() || (fill != nullptr && !fill->is_constant())) {
    return context.fix_inputs();
  }
  const bool fills_zeros = context.number("value").value_or(0) == 0;
  for (size_t axis = 0; axis < x->rank(); ++axis) {
    Axis labels = x->axes[axis];
    const size_t from_end = 2 * (x->rank() - 1 - axis);
    const int64_t before = from_end < pads->size() ? (*pads)[from_end] : 0;
    const int64_t after = from_end + 1 < pads->size() ? (*pads)[from_end + 1] : 0;
    if (is_constant && !fills_zeros) labels.is_zero = false;
    if (labels.is_labelled() && (before != 0 || after != 0)) {
      if (!is_constant || before < 0 || after < 0) {
        context.sets.fix(labels);
        continue;
      }
      const Axis first = context.sets.fresh_axis(before), last = context.sets.fresh_axis(after);
      labels.labels.insert(labels.labels.begin(), first.labels.begin(), first.labels.end());
      labels.labels.insert(labels.labels.end(), last.labels.begin(), last.labels.end());
    }
    context.pass(labels, *out, axis);
  }
}

// Aligned at the last axis; what is spread from one index has no labels.
void expand_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  if (x == nullptr || out == nullptr || x->rank() > out->rank()) return context.fix_inputs();
  const size_t offset = out->rank() - x->rank();
  for (size_t axis = 0; axis < x->rank(); ++axis) context.pass(x->axes[axis], *out, axis + offset);
}

void repeat_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  if (x == nullptr || out == nullptr || x->rank() > out->rank()) return context.fix_inputs();
  const size_t offset = out->rank() - x->rank();
  for (size_t axis = 0; axis < x->rank(); ++axis) {
    const Axis& from = x->axes[axis];
    if (!from.is_labelled()) continue;
    Axis tiled;
    tiled.is_zero = from.is_zero;
    for (int64_t i = 0; i < out->shape[axis + offset]; ++i) {
      tiled.labels.push_back(from.labels[static_cast<size_t>(i) % from.labels.size()]);
    }
    context.pass(tiled, *out, axis + offset);
  }
}

// aten::size.int: a number that shrinks with the axis.
void size_rule(RuleContext& context) {
  TensorLabels* x = context.in(size_t{0});
  const auto axis = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  if (!axis.has_value()) return context.fix_inputs();
  context.value(context.node.output()).counted = x->axes[*axis];
}

void construct_rule(RuleContext& context) {
  ValueLabels& list = context.value(context.node.output());
  std::vector<TensorLabels> tensors;
  for (const graph::Value* input : context.node.inputs()) {
    const ValueLabels& element = context.value(input);
    if (element.is_list) return context.fix_inputs();
    tensors.insert(tensors.end(), element.tensors.begin(), element.tensors.end());
    const std::vector<Label>& counted = element.counted.labels;
    list.counted.labels.insert(list.counted.labels.end(), counted.begin(), counted.end());
  }
  if (list.is_list && tensors.size() == list.tensors.size()) list.tensors = std::move(tensors);
}

void unpack_rule(RuleContext& context) {
  const std::vector<TensorLabels>* list = context.list_in(0);
  if (list == nullptr || list->size() != context.node.outputs().size()) return context.fix_inputs();
  for (size_t i = 0; i < list->size(); ++i) {
    if (TensorLabels* out = context.out(i)) *out = (*list)[i];
  }
}

void get_item_rule(RuleContext& context) {
  const std::vector<TensorLabels>* list = context.list_in(0);
  TensorLabels* out = context.out();
  std::optional<int64_t> index = context.integer("idx");
  if (list == nullptr || out == nullptr || !index.has_value()) return context.fix_inputs();
  if (*index < 0) *index += static_cast<int64_t>(list->size());
  if (*index < 0 || *index >= static_cast<int64_t>(list->size())) return context.fix_inputs();
  *out = (*list)[static_cast<size_t>(*index)];
}

}  // namespace

void add_movement_rules(LabelRules& rules) {
  rules["aten::permute"] = permute_rule;
  for (const char* name : {"aten::transpose", "aten::swapaxes", "aten::swapdims"}) rules[name] = transpose_rule;
  for (const char* name : {"aten::t", "aten::numpy_T"}) rules[name] = reverse_rule;
  rules["aten::select"] = select_rule;
  rules["aten::unbind"] = unbind_rule;
  for (const char* name : {"aten::split", "aten::split_with_sizes", "aten::chunk", "aten::unsafe_split",
                           "aten::unsafe_split_with_sizes", "aten::unsafe_chunk"}) {
    rules[name] = split_rule;
  }
  rules["aten::slice"] = slice_rule;
  rules["aten::narrow"] = slice_rule;
  for (const char* name : {"aten::cat", "aten::concat", "aten::concatenate"}) rules[name] = cat_rule;
  rules["aten::stack"] = stack_rule;
  rules["aten::unsqueeze"] = unsqueeze_rule;
  rules["aten::squeeze"] = squeeze_rule;
  rules["aten::constant_pad_nd"] = pad_rule;
  rules["aten::pad"] = pad_rule;
  rules["aten::expand"] = expand_rule;
  rules["aten::repeat"] = repeat_rule;
  rules["aten::size"] = size_rule;
  for (const char* name : {"prim::ListConstruct", "prim::TupleConstruct"}) rules[name] = construct_rule;
  for (const char* name : {"prim::ListUnpack", "prim::TupleUnpack"}) rules[name] = unpack_rule;
  rules["aten::__getitem__"] = get_item_rule;
}

}  // namespace pare::pruning
