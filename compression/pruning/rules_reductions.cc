// Pooling, interpolation, reductions and softmax.

#include <algorithm>

#include "compression/pruning/label_rules.h"

namespace pare::pruning {
namespace {

// Works on the last axes, each channel by itself. `spatial`: how many.
LabelRule spatial_rule(size_t spatial, bool keeps_zeros) {
  return [spatial, keeps_zeros](RuleContext& context) {
    TensorLabels* x = context.in(size_t{0});
    if (x == nullptr || x->rank() <= spatial) return context.fix_inputs();
    const size_t channels = x->rank() - spatial;
    for (size_t axis = channels; axis < x->rank(); ++axis) context.sets.fix(x->axes[axis]);
    for (size_t i = 0; i < context.node.outputs().size(); ++i) {
      TensorLabels* out = context.out(i);
      if (out == nullptr || out->rank() != x->rank()) return context.fix_inputs();
      for (size_t axis = 0; axis < channels; ++axis) {
        context.pass(x->axes[axis], *out, axis);
        out->axes[axis].is_zero = out->axes[axis].is_zero && keeps_zeros;
      }
    }
  };
}

// Over the axes `dim`. `adds`: zeros change nothing. Others (a mean, a maximum) need all of an axis.
LabelRule reduction_rule(bool adds, bool keeps_zeros) {
  return [adds, keeps_zeros](RuleContext& context) {
    TensorLabels *x = context.in(size_t{0}), *out = context.out();
    if (x == nullptr || out == nullptr) return context.fix_inputs();
    const auto dims = context.axes("dim", x->rank());
    const graph::Value* keep = context.node.argument("keepdim");
    const bool keeps_axes =
        keep != nullptr && keep->is_constant() && keep->constant().isBool() && keep->constant().toBool();
    if (!dims.has_value() || dims->empty()) return context.fix_inputs();
    size_t next = 0;
    for (size_t axis = 0; axis < x->rank(); ++axis) {
      if (std::find(dims->begin(), dims->end(), axis) != dims->end()) {
        if (!adds || !x->axes[axis].is_zero) context.sets.fix(x->axes[axis]);
        next += keeps_axes ? 1 : 0;
        continue;
      }
      for (size_t i = 0; i < context.node.outputs().size(); ++i) {
        TensorLabels* each = context.out(i);
        if (each == nullptr) return context.fix_inputs();
        context.pass(x->axes[axis], *each, next);
        if (next < each->rank()) each->axes[next].is_zero = each->axes[next].is_zero && keeps_zeros;
      }
      ++next;
    }
  };
}

// The same shape, but each number depends on all along `dim`.
LabelRule along_rule(bool keeps_zeros) {
  return [keeps_zeros](RuleContext& context) {
    TensorLabels *x = context.in(size_t{0}), *out = context.out();
    const auto dims =
        x == nullptr ? std::nullopt : context.axes(context.node.argument_index("dim") >= 0 ? "dim" : "dims", x->rank());
    if (out == nullptr || !dims.has_value()) return context.fix_inputs();
    for (size_t axis = 0; axis < x->rank(); ++axis) {
      if (std::find(dims->begin(), dims->end(), axis) != dims->end()) {
        context.sets.fix(x->axes[axis]);
        continue;
      }
      context.pass(x->axes[axis], *out, axis);
      out->axes[axis].is_zero = out->axes[axis].is_zero && keeps_zeros;
    }
  };
}

}  // namespace

void add_reduction_rules(LabelRules& rules) {
  constexpr bool kKeepsZeros = true;
  for (const auto& [suffix, spatial] : {std::pair{"1d", size_t{1}}, {"2d", 2}, {"3d", 3}}) {
    for (const char* pool : {"max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool"}) {
      rules[std::string("aten::") + pool + suffix] = spatial_rule(spatial, kKeepsZeros);
    }
    rules[std::string("aten::max_pool") + suffix + "_with_indices"] = spatial_rule(spatial, kKeepsZeros);
    for (const char* pad : {"reflection_pad", "replication_pad"}) {
      rules[std::string("aten::") + pad + suffix] = spatial_rule(spatial, kKeepsZeros);
    }
    rules[std::string("aten::upsample_nearest") + suffix] = spatial_rule(spatial, kKeepsZeros);
  }
  for (const char* name : {"aten::upsample_bilinear2d", "aten::upsample_bicubic2d"}) {
    rules[name] = spatial_rule(2, kKeepsZeros);
  }
  rules["aten::upsample_linear1d"] = spatial_rule(1, kKeepsZeros);
  rules["aten::upsample_trilinear3d"] = spatial_rule(3, kKeepsZeros);
  rules["aten::sum"] = reduction_rule(true, kKeepsZeros);
  for (const char* name : {"aten::mean", "aten::amax", "aten::amin", "aten::norm", "aten::linalg_vector_norm"}) {
    rules[name] = reduction_rule(false, kKeepsZeros);
  }
  for (const char* name : {"aten::var", "aten::std", "aten::logsumexp", "aten::argmax", "aten::argmin", "aten::any",
                           "aten::all", "aten::max", "aten::min"}) {
    rules[name] = reduction_rule(false, !kKeepsZeros);
  }
  for (const char* name : {"aten::softmax", "aten::log_softmax", "aten::_softmax", "aten::_log_softmax"}) {
    rules[name] = along_rule(!kKeepsZeros);
  }
  for (const char* name : {"aten::cumsum", "aten::flip", "aten::roll"}) rules[name] = along_rule(kKeepsZeros);
}

}  // namespace pare::pruning
