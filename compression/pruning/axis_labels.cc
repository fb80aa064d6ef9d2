#include "compression/pruning/axis_labels.h"

#include <set>
#include <utility>

namespace pare::pruning {

Label LabelSets::add() {
  const auto label = static_cast<Label>(parents_.size());
  parents_.push_back(label);
  sizes_.push_back(1);
  fixed_.push_back(false);
  return label;
}

Axis LabelSets::fresh_axis(int64_t size, bool is_zero) {
  Axis axis;
  axis.is_zero = is_zero;
  for (int64_t i = 0; i < size; ++i) axis.labels.push_back(add());
  return axis;
}

Label LabelSets::find(Label label) const {
  auto at = static_cast<size_t>(label);
  while (parents_[at] != static_cast<Label>(at)) {
    parents_[at] = parents_[static_cast<size_t>(parents_[at])];
    at = static_cast<size_t>(parents_[at]);
  }
  return static_cast<Label>(at);
}

void LabelSets::unite(Label one, Label other) {
  auto root = static_cast<size_t>(find(one)), leaf = static_cast<size_t>(find(other));
  if (root == leaf) return;
  if (sizes_[root] < sizes_[leaf]) std::swap(root, leaf);
  parents_[leaf] = static_cast<Label>(root);
  sizes_[root] += sizes_[leaf];
  if (fixed_[leaf]) fixed_[root] = true;
}

void LabelSets::unite(const Axis& one, const Axis& other) {
  if (one.labels.size() != other.labels.size()) {
    fix(one);
    fix(other);
    return;
  }
  for (size_t i = 0; i < one.labels.size(); ++i) unite(one.labels[i], other.labels[i]);
}

void LabelSets::fix(const Axis& axis) {
  for (const Label label : axis.labels) fix(label);
}

size_t LabelSets::count_classes(const Axis& axis) const {
  std::set<Label> classes;
  for (const Label label : axis.labels) {
    if (!is_fixed(label)) classes.insert(find(label));
  }
  return classes.size();
}

}  // namespace pare::pruning
