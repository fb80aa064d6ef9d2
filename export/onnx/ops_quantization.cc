// Fake quantization, as QuantizeLinear and DequantizeLinear.
//
//   levels within 0..255                  uint8
//   levels within -128..127               int8
//   others, at most 256 of them           uint8, all of them moved up so that the lowest is 0
//
// Weights, which are constants, are stored as their levels and only dequantized. Where an activation has fewer levels
// than eight bits, it is clipped to the numbers they stand for first: QuantizeLinear itself saturates at eight bits.

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/full.h>
#include <ATen/ops/round.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/ScalarType.h>

#include "absl/strings/str_cat.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

struct Levels {
  int64_t low = 0, high = 0;
  at::Tensor scale, zero_point;  // float32 and int64; a scalar each, or a vector along `axis`
  int64_t axis = -1;             // -1: one scale
  ScalarType dtype = ScalarType::Byte;
  bool is_full = false;  // the levels are all that the dtype has
};

Levels read_levels(OpExport& op) {
  Levels levels;
  levels.low = op.integer("quant_min");
  levels.high = op.integer("quant_max");
  const auto read = [&](const char* argument, ScalarType dtype) {
    if (!op.is_tensor(argument)) return at::scalar_tensor(op.number(argument), dtype);
    const std::optional<at::Tensor> known = op.constant_tensor(argument);
    if (!known.has_value()) op.fail(absl::StrCat("its ", argument, " is computed from the model's input"));
    return known->detach().to(dtype).clone();
  };
  levels.scale = read("scale", ScalarType::Float);
  levels.zero_point = read("zero_point", ScalarType::Double).round().to(ScalarType::Long);
  if (op.node().argument("axis") != nullptr) {
    levels.axis = op.axis("axis", op.info("self").rank());
  } else {
    levels.scale = levels.scale.reshape({});
    levels.zero_point = levels.zero_point.reshape({});
  }
  if (!(levels.scale.isfinite().all() & (levels.scale > 0).all()).item<bool>()) {
    throw ExportError(absl::InvalidArgumentError("its scale is not a positive number; was the quantizer initialized?"));
  }
  if (levels.high - levels.low > 255 || levels.high <= levels.low) {
    op.fail(absl::StrCat("it has the levels ", levels.low, " to ", levels.high, ", more than eight bits hold"));
  }
  int64_t shift = 0;
  if (levels.low >= -128 && levels.high <= 127 && levels.low < 0) {
    levels.dtype = ScalarType::Char;
  } else if (levels.low < 0 || levels.high > 255) {
    shift = -levels.low;
  }
  levels.low += shift;
  levels.high += shift;
  levels.zero_point = levels.zero_point + shift;
  const bool is_signed = levels.dtype == ScalarType::Char;
  const int64_t lowest = is_signed ? -128 : 0, highest = is_signed ? 127 : 255;
  if ((levels.zero_point < lowest).any().item<bool>() || (levels.zero_point > highest).any().item<bool>()) {
    op.fail("a zero point is not among the eight-bit levels");
  }
  levels.is_full = levels.low == lowest && levels.high == highest;
  return levels;
}

at::Tensor along_axis(const at::Tensor& vector, int64_t axis, int64_t rank) {
  if (axis < 0) return vector;
  std::vector<int64_t> shape(static_cast<size_t>(rank), 1);
  shape.at(axis) = -1;
  return vector.reshape(shape);
}

void fake_quantize(OpExport& op) {
  const Levels levels = read_levels(op);
  const int64_t rank = op.info("self").rank();
  const std::string scale = op.constant(levels.scale), zero_point = op.constant(levels.zero_point.to(levels.dtype));
  Attributes attributes;
  if (levels.axis >= 0) attributes.emplace_back("axis", levels.axis);
  if (const std::optional<at::Tensor> weight = op.constant_tensor("self")) {
    // As LibTorch rounds: half to even, after a multiplication by the reciprocal.
    const at::Tensor inverse = along_axis(levels.scale, levels.axis, rank).reciprocal();
    at::Tensor stored = at::round(weight->to(ScalarType::Float) * inverse).to(ScalarType::Double) +
                        along_axis(levels.zero_point, levels.axis, rank).to(ScalarType::Double);
    stored = at::clamp(stored, static_cast<double>(levels.low), static_cast<double>(levels.high)).to(levels.dtype);
    const graph::Value* value = op.node().argument("self");
    const std::string name = value->is_parameter() || value->is_buffer() ? value->name() : "";
    return op.set_output(
        op.emit("DequantizeLinear", {op.builder().add_initializer(stored, name), scale, zero_point}, attributes));
  }
  std::string x = op.operand("self", ScalarType::Float);
  if (!levels.is_full) {
    const auto number_of = [&](int64_t level) {
      return along_axis(((level - levels.zero_point).to(ScalarType::Float) * levels.scale), levels.axis, rank);
    };
    const at::Tensor low = number_of(levels.low), high = number_of(levels.high);
    // Clip takes one number; limits a channel broadcast.
    x = levels.axis < 0 ? op.emit("Clip", {x, op.constant(low), op.constant(high)})
                        : op.emit("Min", {op.emit("Max", {x, op.constant(low)}), op.constant(high)});
  }
  const std::string quantized = op.emit("QuantizeLinear", {x, scale, zero_point}, attributes);
  op.set_output(op.cast(op.emit("DequantizeLinear", {quantized, scale, zero_point}, attributes), ScalarType::Float,
                        op.output().dtype));
}

}  // namespace

void add_quantization_ops(OpTable* table) {
  (*table)["aten::fake_quantize_per_tensor_affine"] = fake_quantize;
  (*table)["aten::fake_quantize_per_channel_affine"] = fake_quantize;
}

}  // namespace pare::exporters
