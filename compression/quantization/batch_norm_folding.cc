#include "compression/quantization/batch_norm_folding.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/fake_quantize_per_channel_affine.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::quantization {

namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

const std::set<std::string, std::less<>>& convolutions() {
  static const auto& names = *new std::set<std::string, std::less<>>{
      "aten::conv1d",           "aten::conv2d",           "aten::conv3d",           "aten::convolution",
      "aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d", "aten::_convolution"};
  return names;
}

bool holds_tensor(const Value* value) {
  return value->is_parameter() || value->is_buffer() || (value->is_constant() && value->constant().isTensor());
}

at::Tensor tensor_of(const Value* value) {
  return (value->is_constant() ? value->constant().toTensor() : value->tensor()).detach();
}

// An optional tensor argument: a tensor that is known now, or none.
bool is_known_or_none(const Value* value) { return value->is_none() || holds_tensor(value); }

bool evaluates(const Node* norm) {
  const Value* training = norm->argument("training");
  return training->kind() == Value::Kind::kTraining || (training->is_constant() && !training->constant().toBool());
}

// The weight's axis of the output channels; nullopt if no axis is that.
std::optional<int64_t> output_axis(const Node* convolution) {
  const Value* flag = convolution->argument("transposed");
  if (flag != nullptr && !flag->is_constant()) return std::nullopt;
  const bool is_transposed =
      flag != nullptr ? flag->constant().toBool() : convolution->op().find("transpose") != std::string::npos;
  if (!is_transposed) return 0;
  const Value* groups = convolution->argument("groups");
  if (!groups->is_constant() || groups->constant().toInt() != 1) return std::nullopt;
  return 1;
}

struct Pair {
  Node* convolution;
  Node* norm;
  Node* quantizer;  // the weight's fake quantization, or nullptr
  Value* weight;
  int64_t axis;
};

// A fake quantization by constants, of a weight; its axis, if it has one, is that of the output channels.
bool is_foldable_quantizer(const Node* node, int64_t axis) {
  if (node == nullptr) return false;
  const bool per_channel = node->op() == "aten::fake_quantize_per_channel_affine";
  if (!per_channel && node->op() != "aten::fake_quantize_per_tensor_affine") return false;
  for (size_t i = 1; i < node->inputs().size(); ++i) {
    if (!node->input(i)->is_constant()) return false;
  }
  return holds_tensor(node->input(0)) && (!per_channel || node->argument("axis")->constant().toInt() == axis);
}

std::optional<Pair> match(Node* norm) {
  if (norm->op() != "aten::batch_norm" || !evaluates(norm)) return std::nullopt;
  Node* convolution = norm->argument("input")->producer();
  if (convolution == nullptr || !convolutions().contains(convolution->op())) return std::nullopt;
  if (convolution->output()->uses().size() != 1) return std::nullopt;
  if (!is_known_or_none(norm->argument("weight")) || !is_known_or_none(norm->argument("bias")) ||
      !holds_tensor(norm->argument("running_mean")) || !holds_tensor(norm->argument("running_var")) ||
      !is_known_or_none(convolution->argument("bias"))) {
    return std::nullopt;
  }
  const std::optional<int64_t> axis = output_axis(convolution);
  if (!axis.has_value()) return std::nullopt;
  Value* weight = convolution->argument("weight");
  Node* quantizer = weight->producer();
  if (is_foldable_quantizer(quantizer, *axis)) return Pair{convolution, norm, quantizer, quantizer->input(0), *axis};
  if (!holds_tensor(weight)) return std::nullopt;
  return Pair{convolution, norm, nullptr, weight, *axis};
}

// y = factor * convolution + shift, per output channel.
struct Affine {
  at::Tensor factor, shift;
};

absl::StatusOr<Affine> affine_of(const Node* norm) {
  Affine affine;
  const absl::Status status = guard_torch(norm->name(), [&] {
    const at::Tensor variance = tensor_of(norm->argument("running_var")).to(c10::kDouble);
    const double eps = norm->argument("eps")->constant().toDouble();
    affine.factor = variance.add(eps).rsqrt();
    if (!norm->argument("weight")->is_none()) affine.factor = affine.factor.mul(tensor_of(norm->argument("weight")));
    affine.shift = tensor_of(norm->argument("running_mean")).to(c10::kDouble).mul(affine.factor).neg();
    if (!norm->argument("bias")->is_none()) affine.shift = affine.shift.add(tensor_of(norm->argument("bias")));
  });
  PARE_RETURN_IF_ERROR(status);
  if (!affine.factor.isfinite().all().item<bool>() || !affine.shift.isfinite().all().item<bool>()) {
    return absl::InvalidArgumentError(
        absl::StrCat(norm->name(),
                     ": its running statistics and weights hold a NaN or an infinity, or a negative "
                     "variance; expected finite numbers: train again from a sound checkpoint"));
  }
  return affine;
}

// Shaped so that it multiplies along the axis.
at::Tensor along_axis(const at::Tensor& per_channel, const at::Tensor& weight, int64_t axis) {
  std::vector<int64_t> shape(weight.dim(), 1);
  shape[axis] = per_channel.numel();
  return per_channel.view(shape);
}

struct QuantizedWeight {
  at::Tensor weight, scale, zero_point;
};

QuantizedWeight fold_quantized(const at::Tensor& weight, const Node* quantizer, const at::Tensor& factor,
                               int64_t axis) {
  const int64_t low = quantizer->argument("quant_min")->constant().toInt();
  const int64_t high = quantizer->argument("quant_max")->constant().toInt();
  const c10::IValue& given_scale = quantizer->argument("scale")->constant();
  const c10::IValue& given_zero = quantizer->argument("zero_point")->constant();
  const at::TensorOptions options = factor.options();
  const std::vector<int64_t> shape{factor.numel()};
  const at::Tensor scale = given_scale.isTensor() ? given_scale.toTensor().to(options.dtype(c10::kFloat))
                                                  : at::full(shape, given_scale.toDouble(), options.dtype(c10::kFloat));
  const at::Tensor zero = given_zero.isTensor() ? given_zero.toTensor().to(options.dtype(c10::kInt))
                                                : at::full(shape, given_zero.toInt(), options.dtype(c10::kInt));
  const at::Tensor quantized = at::fake_quantize_per_channel_affine(weight, scale, zero, axis, low, high);

  const at::Tensor is_negative = factor.lt(0);
  // A change of sign sends the lowest code upwards and the highest downwards: with the zero point at 0 both must have a
  // counterpart within [low, high].
  const at::Tensor codes = quantized.div(along_axis(scale, weight, axis)).round().transpose(0, axis).flatten(1);
  const at::Tensor lowest_fits = codes.amin({1}).ge(-static_cast<double>(high));
  const at::Tensor highest_fits = codes.amax({1}).le(-static_cast<double>(low));
  const at::Tensor mirrored_fits = zero.eq(0).logical_and(lowest_fits).logical_and(highest_fits);
  const at::Tensor mirrored_zero = at::where(mirrored_fits, at::zeros_like(zero), zero.neg().add(low + high));

  QuantizedWeight folded;
  folded.weight = quantized.to(c10::kDouble).mul(along_axis(factor, weight, axis)).to(weight.dtype());
  folded.zero_point = at::where(is_negative, mirrored_zero, zero).to(c10::kInt);
  folded.scale = scale.to(c10::kDouble).mul(factor.abs()).to(c10::kFloat);
  // A channel that the batch norm switches off is all zeros, which any scale represents.
  const at::Tensor vanishes = folded.scale.lt(std::numeric_limits<float>::min());
  folded.scale = at::where(vanishes, scale, folded.scale);
  return folded;
}

// A parameter that holds `tensor`: `present` itself if only `user` uses it, else a new one.
absl::StatusOr<Value*> put_tensor(Graph& graph, Value* present, const Node* user, at::Tensor tensor,
                                  const std::string& name) {
  if (present != nullptr && present->is_parameter() && present->uses().size() == 1 && present->uses()[0].user == user) {
    present->set_tensor(std::move(tensor));
    return present;
  }
  std::string free_name = name;
  for (int i = 1; graph.find_parameter(free_name) != nullptr; ++i) free_name = absl::StrCat(name, "_folded_", i);
  return graph.add_parameter(free_name, std::move(tensor));
}

std::string layer_name(const Pair& pair) {
  if (pair.weight->is_constant()) return absl::StrCat(pair.convolution->scope(), ".");
  return std::string(absl::StripSuffix(pair.weight->name(), "weight"));
}

absl::Status fold_weight(Graph& graph, const Pair& pair, const at::Tensor& factor) {
  const at::Tensor weight = tensor_of(pair.weight);
  const Node* user = pair.quantizer != nullptr ? pair.quantizer : pair.convolution;
  const bool user_is_shared = pair.quantizer != nullptr && pair.quantizer->output()->uses().size() != 1;
  // A weight that others use, through the same quantizer or not, stays theirs.
  Value* own = user_is_shared ? nullptr : pair.weight;
  const std::string name = absl::StrCat(layer_name(pair), "weight");
  const int index = pair.convolution->argument_index("weight");
  if (pair.quantizer == nullptr) {
    const at::Tensor folded =
        weight.to(c10::kDouble).mul(along_axis(factor, weight, pair.axis)).to(weight.dtype()).contiguous();
    PARE_ASSIGN_OR_RETURN(Value * value, put_tensor(graph, own, user, folded, name));
    return graph.set_input(pair.convolution, index, value);
  }
  const QuantizedWeight folded = fold_quantized(weight, pair.quantizer, factor, pair.axis);
  PARE_ASSIGN_OR_RETURN(Value * value, put_tensor(graph, own, user, folded.weight.contiguous(), name));
  const graph::NodePlace place{pair.convolution, pair.quantizer->scope(), pair.quantizer->scope_types(),
                               pair.quantizer->source()};
  PARE_ASSIGN_OR_RETURN(
      Node * quantizer,
      graph.add_operator(
          "aten::fake_quantize_per_channel_affine", "",
          {value, graph.add_constant(folded.scale), graph.add_constant(folded.zero_point),
           graph.add_constant(pair.axis), pair.quantizer->argument("quant_min"), pair.quantizer->argument("quant_max")},
          place));
  PARE_RETURN_IF_ERROR(graph.set_input(pair.convolution, index, quantizer->output()));
  return pair.quantizer->output()->uses().empty() ? graph.remove(pair.quantizer) : absl::OkStatus();
}

absl::Status fold_bias(Graph& graph, const Pair& pair, const Affine& affine) {
  Value* bias = pair.convolution->argument("bias");
  at::Tensor folded = affine.shift;
  if (!bias->is_none()) folded = folded.add(tensor_of(bias).to(c10::kDouble).mul(affine.factor));
  folded = folded.to(tensor_of(pair.weight).dtype());
  PARE_ASSIGN_OR_RETURN(Value * value, put_tensor(graph, bias->is_none() ? nullptr : bias, pair.convolution, folded,
                                                  absl::StrCat(layer_name(pair), "bias")));
  return graph.set_input(pair.convolution, pair.convolution->argument_index("bias"), value);
}

absl::Status fold(Graph& graph, const Pair& pair) {
  PARE_ASSIGN_OR_RETURN(const Affine affine, affine_of(pair.norm));
  absl::Status folded = absl::OkStatus();
  const absl::Status status = guard_torch(pair.norm->name(), [&] {
    folded = fold_bias(graph, pair, affine);
    if (folded.ok()) folded = fold_weight(graph, pair, affine.factor);
  });
  PARE_RETURN_IF_ERROR(status);
  PARE_RETURN_IF_ERROR(folded);
  PARE_RETURN_IF_ERROR(graph.replace_uses(pair.norm->output(), pair.convolution->output()));
  std::set<Value*> inputs(pair.norm->inputs().begin(), pair.norm->inputs().end());
  PARE_RETURN_IF_ERROR(graph.remove(pair.norm));
  for (Value* input : inputs) {
    if ((input->is_parameter() || input->is_buffer()) && input->uses().empty()) {
      PARE_RETURN_IF_ERROR(graph.remove_parameter(input));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> fold_batch_norms(Graph& graph) {
  const at::NoGradGuard no_grad;
  int64_t folded = 0;
  for (Node* node : graph.nodes()) {
    const std::optional<Pair> pair = match(node);
    if (!pair.has_value()) continue;
    PARE_RETURN_IF_ERROR(fold(graph, *pair));
    ++folded;
  }
  return folded;
}

}  // namespace pare::quantization
