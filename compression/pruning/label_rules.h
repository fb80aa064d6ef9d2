// compression/pruning/label_rules.h: what each operator makes of the labels of its inputs.
//
//   RuleContext context(node, sets, values, shapes_of_outputs);
//   find_label_rule(*node)(context);       // unites and fixes labels, and gives the outputs theirs
//
// A rule holds for the model with channels masked (their weights, biases and factors zero, in what makes them and in
// what takes them) and for the model without them: both must compute the same. So a rule may let an operator mix the
// indices of an axis only where the removed ones add zeros, and lets nothing pass that makes infinities out of zeros.
// An operator without a rule fixes whatever it takes.
//
// The families: rules_elementwise.cc, rules_layers.cc, rules_products.cc, rules_reductions.cc, rules_movement.cc,
// rules_reshape.cc.

#ifndef PARE_COMPRESSION_PRUNING_LABEL_RULES_H_
#define PARE_COMPRESSION_PRUNING_LABEL_RULES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compression/pruning/axis_labels.h"
#include "graph/graph.h"

namespace pare::pruning {

using LabelMap = std::map<const graph::Value*, ValueLabels>;

class RuleContext {
 public:
  // The outputs' shapes stand in `values` already, without labels.
  RuleContext(const graph::Node& node, LabelSets& sets, LabelMap& values) : node(node), sets(sets), values_(values) {}

  const graph::Node& node;
  LabelSets& sets;

  // nullptr if the input (the output, the argument) is no tensor; lists likewise.
  TensorLabels* in(size_t index) const;
  TensorLabels* in(std::string_view argument) const;
  TensorLabels* out(size_t index = 0) const;
  std::vector<TensorLabels>* list_in(size_t index) const;
  std::vector<TensorLabels>* list_out(size_t index = 0) const;
  ValueLabels& value(const graph::Value* value) const { return values_[value]; }
  const LabelMap& all() const { return values_; }

  // Constants.
  std::optional<int64_t> integer(std::string_view argument) const;
  std::optional<double> number(std::string_view argument) const;
  std::optional<std::vector<int64_t>> integers(std::string_view argument) const;
  // The constant `dim` as an axis of a tensor of that rank, negative ones counted from the end.
  std::optional<size_t> axis(std::string_view argument, size_t rank) const;
  std::optional<std::vector<size_t>> axes(std::string_view argument, size_t rank) const;

  // Axis `to` of an output is `from`, axis of an input: the same labels. Sizes differ: fixed.
  void pass(const Axis& from, TensorLabels& to, size_t axis) const;
  // Every axis, or every axis but some, of input and output, which have the same rank.
  void pass_all(const TensorLabels& from, TensorLabels& to) const;
  void fix(const TensorLabels& tensor) const;
  // What is done about an operator that is not understood: nothing that it sees is removed.
  void fix_inputs() const;

 private:
  LabelMap& values_;
};

using LabelRule = std::function<void(RuleContext&)>;
using LabelRules = std::map<std::string, LabelRule, std::less<>>;

// Unknown operators get one that fixes.
const LabelRule& find_label_rule(const graph::Node& node);

// Broadcasts `inputs` to `out`: the labels of aligned axes are united. `is_zero` of the result is true where it is of
// all inputs that have labels there.
void broadcast(RuleContext& context, const std::vector<const TensorLabels*>& inputs, TensorLabels& out);

// By the operator's name ("aten::relu"); transforms and structures have their own.
void add_elementwise_rules(LabelRules& rules);
void add_layer_rules(LabelRules& rules);
void add_product_rules(LabelRules& rules);
void add_reduction_rules(LabelRules& rules);
void add_movement_rules(LabelRules& rules);
void add_reshape_rules(LabelRules& rules);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_LABEL_RULES_H_
