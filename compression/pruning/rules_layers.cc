// Convolutions and the normalizations.

#include "compression/analysis/operator_traits.h"
#include "compression/pruning/label_rules.h"

namespace pare::pruning {
namespace {

// Input and output channels of a convolution, and the axes of the weight that count them.
struct Convolution {
  TensorLabels *x = nullptr, *weight = nullptr, *bias = nullptr, *out = nullptr;
  size_t channel_axis = 1;
  int64_t groups = 1;
  bool is_transposed = false;
};

std::optional<Convolution> read_convolution(const RuleContext& context) {
  Convolution conv;
  conv.x = context.in("input");
  conv.weight = context.in("weight");
  conv.bias = context.in("bias");
  conv.out = context.out();
  const std::optional<int64_t> groups = context.integer("groups");
  if (conv.x == nullptr || conv.weight == nullptr || conv.out == nullptr || !groups.has_value()) return std::nullopt;
  if (conv.weight->rank() < 3 || conv.x->rank() + 1 < conv.weight->rank()) return std::nullopt;
  conv.channel_axis = conv.x->rank() + 1 - conv.weight->rank();  // without a batch: 0
  if (conv.channel_axis > 1 || conv.x->rank() != conv.out->rank()) return std::nullopt;
  conv.groups = *groups;
  conv.is_transposed = is_transposed_convolution(context.node);
  return conv;
}

// Labels `labels` of one group after the other become the same at the same position.
void unite_groups(RuleContext& context, const Axis& axis, int64_t groups) {
  const size_t size = axis.labels.size() / static_cast<size_t>(groups);
  for (size_t i = size; i < axis.labels.size(); ++i) context.sets.unite(axis.labels[i % size], axis.labels[i]);
}

// One group: every filter takes every channel.
void plain_convolution(RuleContext& context, const Convolution& conv, const Axis& channels) {
  const size_t input = conv.is_transposed ? 0 : 1;
  const Axis& taken = conv.weight->axes[input];
  context.sets.unite(channels, taken);
  if (!taken.is_zero && !channels.is_zero) context.sets.fix(channels);
}

// A group for each channel, of m filters: filter o goes with channel o / m.
void depthwise_convolution(RuleContext& context, const Axis& channels, const Axis& filters) {
  const size_t multiplier = channels.labels.empty() ? 0 : filters.labels.size() / channels.labels.size();
  if (multiplier == 0) {
    context.sets.fix(filters);
    return context.sets.fix(channels);
  }
  for (size_t i = 0; i < filters.labels.size(); ++i) {
    context.sets.unite(filters.labels[i], channels.labels[i / multiplier]);
  }
}

// The groups stay, each smaller by the same channels and the same filters.
void grouped_convolution(RuleContext& context, const Convolution& conv, const Axis& channels, const Axis& filters) {
  unite_groups(context, channels, conv.groups);
  unite_groups(context, filters, conv.groups);
  const Axis& inner = conv.weight->axes[1];  // of one group: inputs, or outputs of a transposed one
  const Axis& outer = conv.is_transposed ? filters : channels;
  if (!outer.is_labelled() || inner.labels.size() * static_cast<size_t>(conv.groups) != outer.labels.size()) {
    context.sets.fix(inner);
    return context.sets.fix(outer);
  }
  for (size_t i = 0; i < inner.labels.size(); ++i) context.sets.unite(inner.labels[i], outer.labels[i]);
  const Axis& taken = conv.is_transposed ? conv.weight->axes[0] : inner;
  if (!taken.is_zero && !channels.is_zero) context.sets.fix(channels);
}

void convolution_rule(RuleContext& context) {
  const std::optional<Convolution> found = read_convolution(context);
  if (!found.has_value()) return context.fix_inputs();
  const Convolution& conv = *found;
  TensorLabels& weight = *conv.weight;
  for (size_t axis = 2; axis < weight.rank(); ++axis) context.sets.fix(weight.axes[axis]);
  for (size_t axis = 0; axis < conv.x->rank(); ++axis) {
    if (axis != conv.channel_axis) context.sets.fix(conv.x->axes[axis]);
  }
  const Axis channels = conv.x->axes[conv.channel_axis];
  const int64_t num_channels = conv.x->shape[conv.channel_axis], num_filters = conv.out->shape[conv.channel_axis];
  // Of a grouped transposed convolution the output channels are no axis of the weight: they get labels of their own.
  const bool has_own_filters = conv.is_transposed && conv.groups > 1;
  Axis filters = has_own_filters ? context.sets.fresh_axis(num_filters) : weight.axes[conv.is_transposed ? 1 : 0];
  filters.is_zero = filters.is_zero || (has_own_filters && weight.axes[1].is_zero);
  // A filter's bias is added to what is zero.
  if (conv.bias != nullptr) {
    context.sets.unite(filters, conv.bias->axes[0]);
    filters.is_zero = filters.is_zero && conv.bias->axes[0].is_zero;
  }
  if (conv.groups == 1) {
    plain_convolution(context, conv, channels);
  } else if (conv.is_transposed || num_channels != conv.groups) {
    if (conv.is_transposed) context.sets.unite(channels, weight.axes[0]);
    grouped_convolution(context, conv, channels, filters);
  } else {
    depthwise_convolution(context, channels, filters);
  }
  context.pass(filters, *conv.out, conv.channel_axis);
}

// Also instance norm, which is per channel, too.
void batch_norm_rule(RuleContext& context) {
  TensorLabels *x = context.in("input"), *out = context.out();
  if (x == nullptr || out == nullptr || x->rank() < 2) return context.fix_inputs();
  for (size_t axis = 0; axis < x->rank(); ++axis) {
    if (axis != 1) context.sets.fix(x->axes[axis]);
  }
  // (x - mean) / deviation * weight + bias is zero if weight and bias are.
  Axis channels = x->axes[1];
  channels.is_zero = true;
  for (const char* name : {"weight", "bias"}) {
    const TensorLabels* factor = context.in(name);
    channels.is_zero = channels.is_zero && factor != nullptr && factor->rank() == 1 && factor->axes[0].is_zero;
  }
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    if (const TensorLabels* each = context.in(name)) context.sets.unite(channels, each->axes[0]);
  }
  context.pass(channels, *out, 1);
}

void layer_norm_rule(RuleContext& context) {
  TensorLabels *x = context.in("input"), *out = context.out();
  const auto normalized = context.integers("normalized_shape");
  if (x == nullptr || out == nullptr || !normalized.has_value()) return context.fix_inputs();
  for (const char* name : {"weight", "bias"}) {
    if (const TensorLabels* each = context.in(name)) context.fix(*each);
  }
  for (size_t axis = 0; axis < x->rank(); ++axis) {
    if (axis + normalized->size() >= x->rank()) {
      context.sets.fix(x->axes[axis]);
    } else {
      context.pass(x->axes[axis], *out, axis);
    }
  }
  for (Axis& axis : out->axes) axis.is_zero = false;
}

}  // namespace

void add_layer_rules(LabelRules& rules) {
  for (const char* name :
       {"aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::conv_transpose1d", "aten::conv_transpose2d",
        "aten::conv_transpose3d", "aten::_convolution", "aten::convolution"}) {
    rules[name] = convolution_rule;
  }
  rules["aten::batch_norm"] = batch_norm_rule;
  rules["aten::instance_norm"] = batch_norm_rule;
  rules["aten::layer_norm"] = layer_norm_rule;
}

}  // namespace pare::pruning
