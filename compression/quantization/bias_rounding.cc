#include "compression/quantization/bias_rounding.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/round.h>

#include <string>

#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/operator_traits.h"

namespace pare::quantization {
namespace {

using graph::Node;
using graph::Value;

constexpr double kMaximumUnits = double{1 << 30};

// The fake quantization that a value's elements come from; nullptr if there is none.
const Node* quantization_of(const Value* value) {
  const Node* node = value->producer();
  while (node != nullptr && operator_traits(*node, TargetDevice::kAny).is_agnostic()) node = node->input(0)->producer();
  const bool is_quantization = node != nullptr && (node->op() == "aten::fake_quantize_per_tensor_affine" ||
                                                   node->op() == "aten::fake_quantize_per_channel_affine");
  return is_quantization ? node : nullptr;
}

// The scale as a tensor of float32, as the written file has it: [] or [channels]. Undefined where it is no constant.
at::Tensor scale_of(const Node& quantization) {
  const Value* scale = quantization.argument("scale");
  if (scale == nullptr || !scale->is_constant()) return {};
  const c10::IValue& value = scale->constant();
  if (value.isTensor()) return value.toTensor().to(c10::kFloat);
  return value.isDouble() ? at::full({}, value.toDouble(), at::kFloat) : at::Tensor();
}

// What one unit of the operator's sums is worth, a channel of its output or for all; undefined where that is not so.
at::Tensor unit_of(const Node& node) {
  const Node* data = quantization_of(node.input(0));
  const Node* weight = node.input(1)->producer();
  if (data == nullptr || weight == nullptr || quantization_of(node.input(1)) != weight) return {};
  const at::Tensor data_scale = scale_of(*data), weight_scale = scale_of(*weight);
  if (!data_scale.defined() || !weight_scale.defined() || data_scale.dim() != 0) return {};
  const Value* axis = weight->argument("axis");
  if (axis != nullptr && (!axis->is_constant() || axis->constant().toInt() != 0)) return {};
  return data_scale.to(weight_scale.device()) * weight_scale;
}

bool round_bias(const Node& node, int index) {
  Value* bias = node.input(static_cast<size_t>(index));
  if (!bias->is_parameter() || bias->tensor().scalar_type() != c10::kFloat || bias->uses().size() != 1) return false;
  const at::Tensor unit = unit_of(node);
  if (!unit.defined() || (unit.dim() == 1 && unit.numel() != bias->tensor().numel())) return false;
  const at::NoGradGuard no_grad;
  const at::Tensor wide = unit.to(bias->tensor().device(), c10::kDouble);
  const at::Tensor units = at::round(bias->tensor().to(c10::kDouble) / wide);
  // False for NaN, too.
  if (!units.abs().lt(kMaximumUnits).all().item<bool>()) return false;
  // A tensor of its own: an imported module may share the former one.
  bias->set_tensor((units * wide).to(c10::kFloat).requires_grad_(bias->tensor().requires_grad()));
  return true;
}

}  // namespace

absl::StatusOr<int64_t> round_biases(graph::Graph& graph) {
  int64_t rounded = 0;
  for (Node* node : graph.nodes()) {
    const OperatorKind kind = operator_traits(*node, TargetDevice::kAny).kind;
    if (kind != OperatorKind::kConvolution && kind != OperatorKind::kLinear) continue;
    // Of a transposed convolution, the first axis of the weight is its input.
    if (node->op().find("transpose") != std::string::npos) continue;
    const int index = node->argument_index("bias");
    if (index < 0) continue;
    PARE_ASSIGN_OR_RETURN(const bool done, guard_torch(node->name(), [&] { return round_bias(*node, index); }));
    rounded += done ? 1 : 0;
  }
  return rounded;
}

}  // namespace pare::quantization
