// Normalizations. A batch norm right behind a convolution becomes part of its weights: y = s (conv(x, w) + b - m) + t
// with s = weight / sqrt(variance + eps) is conv(x, s w) + s (b - m) + t, s scaling the output channels of w.

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "absl/strings/str_cat.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

// A constant argument, or `otherwise` for None.
at::Tensor constant_or(OpExport& op, std::string_view argument, const at::Tensor& otherwise) {
  if (!op.has(argument)) return otherwise;
  const std::optional<at::Tensor> tensor = op.constant_tensor(argument);
  if (!tensor.has_value()) op.fail(absl::StrCat("its ", std::string(argument), " is no constant"));
  return *tensor;
}

// true: done.
bool fold_into_convolution(OpExport& op, const at::Tensor& scale, const at::Tensor& shift) {
  const graph::Value* input = op.node().argument("input");
  if (input->uses().size() != 1) return false;
  const OnnxNode* convolution = op.builder().find_producer(op.tensor("input"));
  if (convolution == nullptr || (convolution->op != "Conv" && convolution->op != "ConvTranspose")) return false;
  const std::string weight_name = convolution->inputs[1];
  const at::Tensor* weight = op.find_initializer(weight_name);
  if (weight == nullptr) return false;
  at::Tensor bias = at::zeros_like(shift);
  if (convolution->inputs.size() > 2) {
    const at::Tensor* found = op.find_initializer(convolution->inputs[2]);
    if (found == nullptr) return false;
    bias = *found;
  }
  int64_t groups = 1;
  for (const auto& [name, value] : convolution->attributes) {
    if (name == "group") groups = std::get<int64_t>(value);
  }
  // Output channels: axis 0 of a convolution's weights; of a transposed one's, group by group, axis 1.
  at::Tensor scaled;
  if (convolution->op == "Conv") {
    std::vector<int64_t> shape(static_cast<size_t>(weight->dim()), 1);
    shape[0] = -1;
    scaled = weight->to(ScalarType::Double) * scale.reshape(shape);
  } else {
    std::vector<int64_t> grouped = weight->sizes().vec();
    grouped[0] /= groups;
    grouped.insert(grouped.begin(), groups);
    std::vector<int64_t> shape(grouped.size(), 1);
    shape[0] = groups;
    shape[2] = -1;
    scaled = (weight->to(ScalarType::Double).reshape(grouped) * scale.reshape(shape)).reshape(weight->sizes());
  }
  const ScalarType dtype = weight->scalar_type();
  const std::string folded_weight = op.builder().add_initializer(scaled.to(dtype), weight_name);
  const at::Tensor folded_bias = (bias.to(ScalarType::Double) * scale + shift).to(dtype);
  const OnnxNode original = *convolution;
  op.set_output(
      op.emit(original.op, {original.inputs[0], folded_weight, op.constant(folded_bias)}, original.attributes));
  return true;
}

void batch_norm(OpExport& op) {
  if (op.boolean("training"))
    op.fail("it normalizes by the batch's own statistics, which a file in evaluation mode does not");
  const TensorInfo& info = op.info("input");
  const int64_t channels = info.dims.at(1).first;
  const at::Tensor ones = at::ones({channels}, info.dtype), zeros = at::zeros({channels}, info.dtype);
  const at::Tensor weight = constant_or(op, "weight", ones), bias = constant_or(op, "bias", zeros);
  const at::Tensor mean = constant_or(op, "running_mean", zeros), variance = constant_or(op, "running_var", ones);
  const double eps = op.number("eps");
  const at::Tensor scale = weight.to(ScalarType::Double) * (variance.to(ScalarType::Double) + eps).rsqrt();
  const at::Tensor shift = bias.to(ScalarType::Double) - mean.to(ScalarType::Double) * scale;
  if (fold_into_convolution(op, scale, shift)) return;
  op.set_output(
      op.emit("BatchNormalization",
              {op.tensor("input"), op.constant(weight), op.constant(bias), op.constant(mean), op.constant(variance)},
              {{"epsilon", eps}}));
}

// Over the last axes. ONNX requires the scale, not the shift.
std::string layer_normalization(OpExport& op) {
  const TensorInfo& info = op.info("input");
  const std::vector<int64_t> shape = op.integers("normalized_shape");
  const std::string scale = op.has("weight") ? op.tensor("weight") : op.constant(at::ones(shape, info.dtype));
  const int64_t axis = -static_cast<int64_t>(shape.size());
  return op.emit("LayerNormalization", {op.tensor("input"), scale, op.tensor_or_empty("bias")},
                 {{"axis", axis}, {"epsilon", op.number("eps")}});
}

void layer_norm(OpExport& op) { op.set_output(layer_normalization(op)); }

void native_layer_norm(OpExport& op) {
  if (op.is_used(1) || op.is_used(2)) op.fail("its mean and deviation are used, which only training needs");
  op.set_output(layer_normalization(op));
}

// y * weight + bias, channels along axis 1.
std::string affine(OpExport& op, std::string y, int64_t rank, int64_t channels) {
  std::vector<Dim> shape(static_cast<size_t>(rank - 1), {1, 1});
  shape[0] = {channels, channels};
  const std::vector<Dim> flat = {{channels, channels}};
  if (op.has("weight")) y = op.emit("Mul", {y, op.reshape(op.tensor("weight"), flat, shape)});
  if (op.has("bias")) y = op.emit("Add", {y, op.reshape(op.tensor("bias"), flat, shape)});
  return y;
}

// Each group is one instance-normalized channel of all of its numbers.
void group_norm(OpExport& op) {
  const TensorInfo& info = op.info("input");
  const int64_t groups = op.integer("num_groups"), channels = info.dims.at(1).first;
  Dim rest{1, 1};
  for (int64_t i = 1; i < info.rank(); ++i) rest = {rest.first * info.dims[i].first, rest.second * info.dims[i].second};
  const std::vector<Dim> grouped = {info.dims[0], {groups, groups}, {rest.first / groups, rest.second / groups}};
  std::string y = op.emit("InstanceNormalization",
                          {op.reshape(op.tensor("input"), info.dims, grouped),
                           op.constant(at::ones({groups}, info.dtype)), op.constant(at::zeros({groups}, info.dtype))},
                          {{"epsilon", op.number("eps")}});
  op.set_output(affine(op, op.reshape(y, grouped, info.dims), info.rank(), channels));
}

void instance_norm(OpExport& op) {
  const TensorInfo& info = op.info("input");
  const int64_t channels = info.dims.at(1).first;
  if (!op.boolean("use_input_stats")) return batch_norm(op);
  const std::string weight = op.has("weight") ? op.tensor("weight") : op.constant(at::ones({channels}, info.dtype));
  const std::string bias = op.has("bias") ? op.tensor("bias") : op.constant(at::zeros({channels}, info.dtype));
  op.set_output(op.emit("InstanceNormalization", {op.tensor("input"), weight, bias}, {{"epsilon", op.number("eps")}}));
}

}  // namespace

void add_normalization_ops(OpTable* table) {
  const OpTable ops = {{"aten::batch_norm", batch_norm},
                       {"aten::layer_norm", layer_norm},
                       {"aten::native_layer_norm", native_layer_norm},
                       {"aten::group_norm", group_norm},
                       {"aten::instance_norm", instance_norm}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
