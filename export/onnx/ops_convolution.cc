// Convolutions and transposed convolutions in one, two and three dimensions.

#include "export/onnx/layers.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

// Spatial axes of the input; an input without a batch has one dimension less.
struct Shape {
  int64_t spatial = 0;
  bool is_batched = true;
};

Shape shape_of(OpExport& op) {
  Shape shape;
  shape.spatial = op.info("weight").rank() - 2;
  shape.is_batched = op.info("input").rank() == shape.spatial + 2;
  if (shape.spatial < 1) op.fail("its weight has fewer than three dimensions");
  return shape;
}

void emit_convolution(OpExport& op, bool transposed, const std::vector<int64_t>& padding, const std::string& auto_pad) {
  const Shape shape = shape_of(op);
  const size_t n = static_cast<size_t>(shape.spatial);
  std::vector<int64_t> kernel, pads(padding);
  for (size_t i = 0; i < n; ++i) kernel.push_back(op.info("weight").dims[i + 2].first);
  pads.insert(pads.end(), padding.begin(), padding.end());
  Attributes attributes = {{"kernel_shape", kernel}, {"strides", op.integers("stride", n, {1})}};
  if (auto_pad.empty()) {
    if (pads != std::vector<int64_t>(2 * n, 0)) attributes.emplace_back("pads", pads);
  } else if (auto_pad == "SAME") {
    // LibTorch puts the odd one at the end.
    const std::vector<int64_t> dilation = op.integers("dilation", n, {1});
    for (size_t i = 0; i < n; ++i) {
      const int64_t total = dilation[i] * (kernel[i] - 1);
      pads[i] = total / 2;
      pads[i + n] = total - total / 2;
    }
    attributes.emplace_back("pads", pads);
  }
  const std::vector<int64_t> dilation = op.integers("dilation", n, {1});
  if (dilation != std::vector<int64_t>(n, 1)) attributes.emplace_back("dilations", dilation);
  if (op.integer("groups", 1) != 1) attributes.emplace_back("group", op.integer("groups"));
  if (transposed && op.has("output_padding")) {
    const std::vector<int64_t> output_padding = op.integers("output_padding", n, {0});
    if (output_padding != std::vector<int64_t>(n, 0)) attributes.emplace_back("output_padding", output_padding);
  }
  std::string x = op.tensor("input");
  if (!shape.is_batched) x = op.unsqueeze(x, {0});
  const std::string weight = op.tensor("weight");
  std::string bias = op.tensor_or_empty("bias");
  if (!transposed) bias = quantized_bias(op, x, weight, bias);
  const std::string y = op.emit(transposed ? "ConvTranspose" : "Conv", {x, weight, bias}, attributes);
  op.set_output(shape.is_batched ? y : op.squeeze(y, {0}));
}

void convolution(OpExport& op) {
  const size_t n = static_cast<size_t>(shape_of(op).spatial);
  if (op.node().overload() == "padding" || op.node().op() == "aten::_convolution_mode") {
    const bool is_same = op.text("padding") == "same";
    return emit_convolution(op, false, std::vector<int64_t>(n, 0), is_same ? "SAME" : "");
  }
  emit_convolution(op, op.boolean("transposed"), op.integers("padding", n, {0}), "");
}

void transposed_convolution(OpExport& op) {
  const size_t n = static_cast<size_t>(shape_of(op).spatial);
  emit_convolution(op, true, op.integers("padding", n, {0}), "");
}

}  // namespace

void add_convolution_ops(OpTable* table) {
  for (const char* name : {"conv1d", "conv2d", "conv3d", "_convolution", "_convolution_mode", "convolution"}) {
    (*table)[std::string("aten::") + name] = convolution;
  }
  for (const char* name : {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}) {
    (*table)[std::string("aten::") + name] = transposed_convolution;
  }
}

}  // namespace pare::exporters
