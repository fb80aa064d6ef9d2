#include "export/onnx/layers.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <set>

namespace pare::exporters {
namespace {

// The DequantizeLinear that a value comes from, through operators that move numbers or choose among them.
const OnnxNode* find_dequantizer(OpExport& op, const std::string& name) {
  static const auto* movers = new std::set<std::string>{"MaxPool", "Reshape",   "Flatten", "Transpose",
                                                        "Squeeze", "Unsqueeze", "Gather",  "Slice"};
  const OnnxNode* node = op.builder().find_producer(name);
  while (node != nullptr && movers->count(node->op) > 0) node = op.builder().find_producer(node->inputs[0]);
  return node != nullptr && node->op == "DequantizeLinear" ? node : nullptr;
}

}  // namespace

std::string transposed_matrix(OpExport& op, const std::string& name) {
  const OnnxNode* producer = op.builder().find_producer(name);
  const bool is_quantized = producer != nullptr && producer->op == "DequantizeLinear";
  const at::Tensor* levels = is_quantized ? op.find_initializer(producer->inputs[0]) : nullptr;
  if (levels == nullptr) return op.transpose(name, {1, 0});
  OnnxNode copy = *producer;
  copy.inputs[0] = op.constant(levels->t());
  for (auto& [attribute, value] : copy.attributes) {
    if (attribute == "axis") value = 1 - std::get<int64_t>(value);
  }
  return op.emit(copy.op, copy.inputs, copy.attributes);
}

bool is_weight_only(OpExport& op, const std::string& x, const std::string& weight) {
  const OnnxNode* producer = op.builder().find_producer(weight);
  const bool is_quantized =
      producer != nullptr && producer->op == "DequantizeLinear" && op.find_initializer(producer->inputs[0]) != nullptr;
  if (!is_quantized) return false;
  // Operators that runtimes move a quantizer through.
  static const auto* movers =
      new std::set<std::string>{"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice"};
  const OnnxNode* node = op.builder().find_producer(x);
  while (node != nullptr && movers->count(node->op) > 0) node = op.builder().find_producer(node->inputs[0]);
  return node == nullptr || node->op != "DequantizeLinear";
}

std::string linear_layer(OpExport& op, const std::string& x, const std::vector<Dim>& dims, const std::string& weight,
                         const std::string& bias) {
  const Attributes transposed = {{"transB", int64_t{1}}};
  if (dims.size() == 2) return op.emit("Gemm", {x, weight, quantized_bias(op, x, weight, bias)}, transposed);
  if (dims.size() > 2 && is_weight_only(op, x, weight)) {
    const int64_t width = op.find_initializer(op.builder().find_producer(weight)->inputs[0])->size(0);
    Dim rows{1, 1};
    for (size_t i = 0; i + 1 < dims.size(); ++i) rows = {rows.first * dims[i].first, rows.second * dims[i].second};
    std::vector<Dim> result = dims;
    result.back() = {width, width};
    const std::string y = op.emit("Gemm", {op.reshape(x, dims, {rows, dims.back()}), weight, bias}, transposed);
    return op.reshape(y, {rows, result.back()}, result);
  }
  const std::string y = op.emit("MatMul", {x, transposed_matrix(op, weight)});
  return bias.empty() ? y : op.emit("Add", {y, bias});
}

std::string gelu_layer(OpExport& op, const std::string& x, c10::ScalarType dtype) {
  // The order in which runtimes look for it, to make one kernel of it.
  const std::string erf = op.emit("Erf", {op.emit("Div", {x, op.scalar(std::sqrt(2.0), dtype)})});
  const std::string twice = op.emit("Mul", {x, op.emit("Add", {erf, op.scalar(1, dtype)})});
  return op.emit("Mul", {twice, op.scalar(0.5, dtype)});
}

std::string quantized_bias(OpExport& op, const std::string& x, const std::string& weight, const std::string& bias) {
  const at::Tensor* values = bias.empty() ? nullptr : op.find_initializer(bias);
  const OnnxNode* weight_node = op.builder().find_producer(weight);
  if (values == nullptr || values->scalar_type() != c10::ScalarType::Float || weight_node == nullptr ||
      weight_node->op != "DequantizeLinear") {
    return bias;
  }
  const OnnxNode* input_node = find_dequantizer(op, x);
  if (input_node == nullptr) return bias;
  const at::Tensor* input_scale = op.find_initializer(input_node->inputs[1]);
  const at::Tensor* weight_scale = op.find_initializer(weight_node->inputs[1]);
  if (input_scale == nullptr || weight_scale == nullptr || input_scale->numel() != 1) return bias;
  // A scale for each output, and of none else: a weight may have been quantized along its inputs.
  if (weight_scale->dim() == 1) {
    int64_t axis = 1;  // ONNX's default
    for (const auto& [attribute, value] : weight_node->attributes) {
      if (attribute == "axis") axis = std::get<int64_t>(value);
    }
    if (axis != 0 || weight_scale->numel() != values->numel()) return bias;
  }
  const at::Tensor scale = *input_scale * *weight_scale;
  const at::Tensor levels = (values->to(c10::ScalarType::Double) / scale.to(c10::ScalarType::Double)).round();
  // Room for the sum of products beside it. The comparison is false for NaN, too.
  if (!levels.abs().lt(double{1 << 30}).all().item<bool>()) return bias;
  Attributes attributes;
  if (scale.dim() == 1) attributes.emplace_back("axis", int64_t{0});
  return op.emit("DequantizeLinear", {op.constant(levels.to(c10::ScalarType::Int)), op.constant(scale)}, attributes);
}

}  // namespace pare::exporters
