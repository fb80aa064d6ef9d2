// Operators that work on each number by itself.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "compression/pruning/label_rules.h"

namespace pare::pruning {
namespace {

enum class Zeros {
  kAll,   // zero where all operands are zero
  kAny,   // zero where one operand is
  kNone,  // something finite
};

// Whether the result's axis is zero at removed indices.
bool is_zero(Zeros zeros, const std::vector<const TensorLabels*>& inputs, size_t rank, size_t axis) {
  bool all = true, any = false;
  for (const TensorLabels* input : inputs) {
    const size_t offset = rank - input->rank();
    const bool zero = axis >= offset && input->axes[axis - offset].is_labelled() && input->axes[axis - offset].is_zero;
    all = all && zero;
    any = any || zero;
  }
  switch (zeros) {
    case Zeros::kAll:
      return all;
    case Zeros::kAny:
      return any;
    case Zeros::kNone:
      return false;
  }
  return false;
}

void elementwise(RuleContext& context, Zeros zeros) {
  TensorLabels* out = context.out();
  std::vector<const TensorLabels*> inputs;
  for (size_t i = 0; i < context.node.inputs().size(); ++i) {
    if (const TensorLabels* input = context.in(i)) inputs.push_back(input);
    if (context.list_in(i) != nullptr) return context.fix_inputs();
  }
  if (out == nullptr) return context.fix_inputs();
  broadcast(context, inputs, *out);
  for (size_t axis = 0; axis < out->rank(); ++axis) {
    out->axes[axis].is_zero = is_zero(zeros, inputs, out->rank(), axis);
  }
}

LabelRule elementwise_rule(Zeros zeros) {
  return [zeros](RuleContext& context) { elementwise(context, zeros); };
}

// Adding or subtracting a number (not a tensor) moves a zero.
void sum_rule(RuleContext& context) {
  const bool has_number = context.in("other") == nullptr;
  elementwise(context, has_number ? Zeros::kNone : Zeros::kAll);
}

// A masked divisor may be zero, and 0 / 0 is no number.
void quotient_rule(RuleContext& context) {
  if (const TensorLabels* divisor = context.in("other")) context.fix(*divisor);
  elementwise(context, Zeros::kAny);
}

void clamp_rule(RuleContext& context) {
  const auto low = context.number("min_val").has_value() ? context.number("min_val") : context.number("min");
  const auto high = context.number("max_val").has_value() ? context.number("max_val") : context.number("max");
  const bool holds_zero = low.value_or(0) <= 0 && high.value_or(0) >= 0;
  elementwise(context, holds_zero ? Zeros::kAll : Zeros::kNone);
}

// By a whole number of at least 1: others have no value for every number that a removed channel may hold.
void power_rule(RuleContext& context) {
  const std::optional<double> exponent = context.number("exponent");
  const bool is_whole = exponent.has_value() && *exponent >= 1 && *exponent == std::floor(*exponent);
  if (!is_whole) return context.fix_inputs();
  elementwise(context, Zeros::kAll);
}

void prelu_rule(RuleContext& context) {
  TensorLabels *x = context.in("self"), *weight = context.in("weight"), *out = context.out();
  if (x == nullptr || weight == nullptr || out == nullptr || x->rank() < 2 || weight->rank() > 1) {
    return context.fix_inputs();
  }
  if (weight->rank() == 1 && weight->shape[0] == x->shape[1] && x->shape[1] > 1) {
    context.sets.unite(x->axes[1], weight->axes[0]);
  } else {
    context.fix(*weight);
  }
  context.pass_all(*x, *out);
}

void glu_rule(RuleContext& context) {
  TensorLabels *x = context.in("self"), *out = context.out();
  const auto axis = x == nullptr ? std::nullopt : context.axis("dim", x->rank());
  if (out == nullptr || !axis.has_value()) return context.fix_inputs();
  // The first half times sigmoid(the second).
  const Axis& whole = x->axes[*axis];
  const size_t half = whole.labels.size() / 2;
  for (size_t i = 0; i < half; ++i) context.sets.unite(whole.labels[i], whole.labels[half + i]);
  for (size_t each = 0; each < x->rank(); ++each) {
    if (each != *axis) context.pass(x->axes[each], *out, each);
  }
  if (!whole.is_labelled()) return;
  Axis gated{{whole.labels.begin(), whole.labels.begin() + static_cast<std::ptrdiff_t>(half)}, whole.is_zero};
  context.pass(gated, *out, *axis);
}

}  // namespace

void add_elementwise_rules(LabelRules& rules) {
  for (const char* name : {"relu",
                           "relu6",
                           "leaky_relu",
                           "elu",
                           "selu",
                           "celu",
                           "gelu",
                           "silu",
                           "mish",
                           "hardswish",
                           "tanh",
                           "erf",
                           "sin",
                           "tan",
                           "sinh",
                           "asin",
                           "atan",
                           "abs",
                           "neg",
                           "negative",
                           "sign",
                           "square",
                           "floor",
                           "ceil",
                           "round",
                           "trunc",
                           "expm1",
                           "log1p",
                           "softshrink",
                           "hardshrink",
                           "tanhshrink",
                           "rrelu",
                           "dropout",
                           "feature_dropout",
                           "clone",
                           "contiguous",
                           "detach",
                           "alias",
                           "to",
                           "float",
                           "half",
                           "double",
                           "type_as",
                           "positive",
                           "minimum",
                           "maximum",
                           "fake_quantize_per_tensor_affine"}) {
    rules[std::string("aten::") + name] = elementwise_rule(Zeros::kAll);
  }
  for (const char* name :
       {"sigmoid",     "hardsigmoid", "exp",       "softplus",  "log_sigmoid", "cos",   "where",       "masked_fill",
        "eq",          "ne",          "lt",        "le",        "gt",          "ge",    "logical_and", "logical_or",
        "logical_not", "zeros_like",  "ones_like", "full_like", "bool",        "isnan", "isinf"}) {
    rules[std::string("aten::") + name] = elementwise_rule(Zeros::kNone);
  }
  rules["aten::mul"] = elementwise_rule(Zeros::kAny);
  rules["aten::multiply"] = elementwise_rule(Zeros::kAny);
  for (const char* name : {"aten::add", "aten::sub", "aten::subtract", "aten::rsub"}) rules[name] = sum_rule;
  rules["aten::div"] = quotient_rule;
  rules["aten::divide"] = quotient_rule;
  for (const char* name : {"aten::hardtanh", "aten::clamp", "aten::clip"}) rules[name] = clamp_rule;
  rules["aten::clamp_min"] = clamp_rule;
  rules["aten::clamp_max"] = clamp_rule;
  rules["aten::pow"] = power_rule;
  rules["aten::prelu"] = prelu_rule;
  rules["aten::glu"] = glu_rule;
}

}  // namespace pare::pruning
