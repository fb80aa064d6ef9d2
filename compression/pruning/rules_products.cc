// Matrix products, with a weight or of two activations.

#include <algorithm>

#include "compression/pruning/label_rules.h"

namespace pare::pruning {
namespace {

// The sum runs over both: what is removed must add nothing.
void contract(RuleContext& context, const Axis& one, const Axis& other) {
  context.sets.unite(one, other);
  if (!one.is_zero && !other.is_zero) context.sets.fix(one);
}

// y = x W^T + b
void linear_rule(RuleContext& context) {
  TensorLabels *x = context.in("input"), *weight = context.in("weight"), *bias = context.in("bias");
  TensorLabels* out = context.out();
  if (x == nullptr || weight == nullptr || out == nullptr || weight->rank() != 2 || x->rank() < 1) {
    return context.fix_inputs();
  }
  const size_t last = x->rank() - 1;
  contract(context, x->axes[last], weight->axes[1]);
  for (size_t axis = 0; axis < last; ++axis) context.pass(x->axes[axis], *out, axis);
  Axis rows = weight->axes[0];
  if (bias != nullptr) {
    context.sets.unite(rows, bias->axes.back());
    rows.is_zero = rows.is_zero && bias->axes.back().is_zero;
    for (size_t axis = 0; axis < last; ++axis) out->axes[axis].is_zero = false;
  }
  context.pass(rows, *out, last);
}

// [..., n, k] [..., k, m]
void multiply(RuleContext& context, TensorLabels* a, TensorLabels* b, TensorLabels* out) {
  if (a == nullptr || b == nullptr || out == nullptr || a->rank() < 2 || b->rank() < 2) return context.fix_inputs();
  contract(context, a->axes[a->rank() - 1], b->axes[b->rank() - 2]);
  const auto batch_of = [](const TensorLabels& tensor) {
    TensorLabels batch = tensor;
    batch.shape.resize(tensor.rank() - 2);
    batch.axes.resize(tensor.rank() - 2);
    return batch;
  };
  const TensorLabels a_batch = batch_of(*a), b_batch = batch_of(*b);
  TensorLabels out_batch(batch_of(*out).shape);
  broadcast(context, {&a_batch, &b_batch}, out_batch);
  std::copy(out_batch.axes.begin(), out_batch.axes.end(), out->axes.begin());
  context.pass(a->axes[a->rank() - 2], *out, out->rank() - 2);
  context.pass(b->axes[b->rank() - 1], *out, out->rank() - 1);
}

void matmul_rule(RuleContext& context) {
  multiply(context, context.in(size_t{0}), context.in(size_t{1}), context.out());
}

// beta self + alpha a b, self broadcast to the product.
void add_product_rule(RuleContext& context) {
  TensorLabels *self = context.in("self"), *out = context.out();
  if (self == nullptr || out == nullptr) return context.fix_inputs();
  TensorLabels product(out->shape);
  multiply(context, context.in(size_t{1}), context.in(size_t{2}), &product);
  broadcast(context, {self, &product}, *out);
  for (size_t axis = 0; axis < out->rank(); ++axis) {
    const size_t offset = out->rank() - self->rank();
    const bool self_is_zero =
        axis >= offset && self->axes[axis - offset].is_labelled() && self->axes[axis - offset].is_zero;
    out->axes[axis].is_zero = self_is_zero && product.axes[axis].is_zero;
  }
}

// Rows are never removed: what is looked up is decided by data.
void embedding_rule(RuleContext& context) {
  TensorLabels *weight = context.in("weight"), *out = context.out();
  if (weight == nullptr || out == nullptr || weight->rank() != 2 || out->rank() < 1) return context.fix_inputs();
  context.sets.fix(weight->axes[0]);
  if (const TensorLabels* indices = context.in("indices")) context.fix(*indices);
  context.pass(weight->axes[1], *out, out->rank() - 1);
}

}  // namespace

void add_product_rules(LabelRules& rules) {
  rules["aten::linear"] = linear_rule;
  for (const char* name : {"aten::matmul", "aten::mm", "aten::bmm"}) rules[name] = matmul_rule;
  for (const char* name : {"aten::addmm", "aten::baddbmm"}) rules[name] = add_product_rule;
  rules["aten::embedding"] = embedding_rule;
}

}  // namespace pare::pruning
