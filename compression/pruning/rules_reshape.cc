// Operators that give the same elements another shape: view, reshape, flatten, unflatten.
//
// Within a group of axes (reshape_axes.h) the elements keep their order, so each element of the group has the label of
// the axis that carried labels; the labels come to stand on one axis of the new ones, and elements that share an index
// of that axis go together.

#include <algorithm>
#include <map>
#include <set>

#include "compression/pruning/axis_role.h"
#include "compression/pruning/label_rules.h"
#include "compression/pruning/reshape_axes.h"

namespace pare::pruning {
namespace {

// The index along axis number `position` of the group's `axes` of element `element`.
size_t index_of(int64_t element, const std::vector<size_t>& axes, size_t position, const std::vector<int64_t>& shape) {
  int64_t inner = 1;
  for (size_t i = position + 1; i < axes.size(); ++i) inner *= shape[axes[i]];
  return static_cast<size_t>(element / inner % shape[axes[position]]);
}

// Of the labelled axes that become one only one can lose indices: that with the most classes.
std::optional<size_t> choose_source(RuleContext& context, const TensorLabels& x, const AxisGroup& group) {
  std::optional<size_t> chosen;
  size_t most = 0;
  for (size_t i = 0; i < group.in.size(); ++i) {
    const size_t classes = context.sets.count_classes(x.axes[group.in[i]]);
    if (classes > most) {
      chosen = i;
      most = classes;
    }
  }
  for (size_t i = 0; i < group.in.size(); ++i) {
    if (i != chosen) context.sets.fix(x.axes[group.in[i]]);
  }
  return chosen;
}

// How many classes are left when all elements with the same index of that axis are united.
size_t classes_left(const RuleContext& context, const std::vector<Label>& labels, const AxisGroup& group,
                    size_t position, const std::vector<int64_t>& shape) {
  LabelSets merged;
  const Axis indices = merged.fresh_axis(shape[group.out[position]]);
  std::map<Label, Label> classes;
  for (size_t element = 0; element < labels.size(); ++element) {
    const Label root = context.sets.find(labels[element]);
    const auto [entry, is_new] = classes.emplace(root, 0);
    if (is_new) {
      entry->second = merged.add();
      if (context.sets.is_fixed(root)) merged.fix(entry->second);
    }
    merged.unite(indices.labels[index_of(static_cast<int64_t>(element), group.out, position, shape)], entry->second);
  }
  return merged.count_classes(indices);
}

std::optional<size_t> choose_target(RuleContext& context, const std::vector<Label>& labels, const AxisGroup& group,
                                    const TensorLabels& out) {
  std::optional<size_t> chosen;
  std::pair<AxisRole, size_t> best{AxisRole::kTakenApart, 0};
  for (size_t i = 0; i < group.out.size(); ++i) {
    const AxisRole role = axis_role(*context.node.output(), group.out[i], context.all());
    if (role == AxisRole::kTakenApart) continue;
    // With one class left there is nothing to choose from.
    const size_t classes = classes_left(context, labels, group, i, out.shape);
    const std::pair<AxisRole, size_t> each{classes > 1 ? role : AxisRole::kContracted, classes};
    if (chosen.has_value() && each <= best) continue;
    chosen = i;
    best = each;
  }
  return chosen;
}

void pass_group(RuleContext& context, const TensorLabels& x, const AxisGroup& group, TensorLabels& out) {
  const std::optional<size_t> source = choose_source(context, x, group);
  if (!source.has_value()) return;
  const Axis& from = x.axes[group.in[*source]];
  std::vector<Label> labels(static_cast<size_t>(group.size));
  for (int64_t element = 0; element < group.size; ++element) {
    labels[static_cast<size_t>(element)] = from.labels[index_of(element, group.in, *source, x.shape)];
  }
  if (group.out.size() == 1) return context.pass({labels, from.is_zero}, out, group.out[0]);
  const std::optional<size_t> target = choose_target(context, labels, group, out);
  if (!target.has_value()) return context.sets.fix(from);
  Axis to{std::vector<Label>(static_cast<size_t>(out.shape[group.out[*target]]), -1), from.is_zero};
  for (size_t element = 0; element < labels.size(); ++element) {
    Label& label = to.labels[index_of(static_cast<int64_t>(element), group.out, *target, out.shape)];
    if (label < 0) label = labels[element];
    context.sets.unite(label, labels[element]);
  }
  context.pass(to, out, group.out[*target]);
}

// The size that the operator is given for each axis: nullptr where it is a number in a constant list.
std::vector<const graph::Value*> computed_sizes(const graph::Node& node, size_t rank) {
  std::vector<const graph::Value*> sizes(rank, nullptr);
  for (const char* name : {"size", "shape"}) {
    const graph::Value* value = node.argument(name);
    if (value == nullptr || value->producer() == nullptr || value->producer()->op() != "prim::ListConstruct") continue;
    for (size_t i = 0; i < rank && i < value->producer()->inputs().size(); ++i) sizes[i] = value->producer()->input(i);
  }
  return sizes;
}

void reshape_rule(RuleContext& context) {
  TensorLabels *x = context.in(size_t{0}), *out = context.out();
  if (x == nullptr || out == nullptr) return context.fix_inputs();
  const std::vector<AxisGroup> groups = match_axes(x->shape, out->shape);
  if (groups.empty()) return context.fix_inputs();
  for (const AxisGroup& group : groups) pass_group(context, *x, group, *out);
  // A computed size is right afterwards if it is the size of an axis with the same labels.
  const std::vector<const graph::Value*> sizes = computed_sizes(context.node, out->rank());
  for (size_t axis = 0; axis < out->rank(); ++axis) {
    if (sizes[axis] == nullptr || sizes[axis]->is_constant()) continue;
    const Axis counted = context.value(sizes[axis]).counted;
    context.sets.unite(counted, out->axes[axis]);
  }
}

}  // namespace

void add_reshape_rules(LabelRules& rules) {
  for (const char* name : {"aten::view", "aten::reshape", "aten::_unsafe_view", "aten::flatten", "aten::unflatten"}) {
    rules[name] = reshape_rule;
  }
}

}  // namespace pare::pruning
