// Activation functions: one tensor in, one of the same shape out.

#include <ATen/core/function_schema.h>

#include <cmath>

#include "export/onnx/layers.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

OpExporter unary(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) { op.set_output(op.emit(onnx_op, {op.operand("self", op.output().dtype)})); };
}

std::string clip(OpExport& op, const std::string& x, double low, double high) {
  const c10::ScalarType dtype = op.output().dtype;
  return op.emit("Clip", {x, op.scalar(low, dtype), op.scalar(high, dtype)});
}

void relu6(OpExport& op) { op.set_output(clip(op, op.tensor("self"), 0, 6)); }

void hardtanh(OpExport& op) { op.set_output(clip(op, op.tensor("self"), op.number("min_val"), op.number("max_val"))); }

std::string multiply(OpExport& op, const std::string& a, const std::string& b) { return op.emit("Mul", {a, b}); }

void silu(OpExport& op) {
  const std::string x = op.tensor("self");
  op.set_output(multiply(op, x, op.emit("Sigmoid", {x})));
}

void mish(OpExport& op) {
  const std::string x = op.tensor("self");
  op.set_output(multiply(op, x, op.emit("Tanh", {op.emit("Softplus", {x})})));
}

// x * Phi(x), by the error function or by the tanh that comes close to it.
void gelu(OpExport& op) {
  const std::string x = op.tensor("self");
  const c10::ScalarType dtype = op.output().dtype;
  const auto number = [&](double value) { return op.scalar(value, dtype); };
  if (op.text("approximate", "none") == "tanh") {
    const std::string cube = multiply(op, multiply(op, x, x), x);
    const std::string sum = op.emit("Add", {x, multiply(op, cube, number(0.044715))});
    const std::string tanh = op.emit("Tanh", {multiply(op, sum, number(std::sqrt(2.0 / M_PI)))});
    op.set_output(multiply(op, multiply(op, x, number(0.5)), op.emit("Add", {tanh, number(1)})));
    return;
  }
  op.set_output(gelu_layer(op, x, dtype));
}

void hardsigmoid(OpExport& op) {
  op.set_output(op.emit("HardSigmoid", {op.tensor("self")}, {{"alpha", 1.0 / 6}, {"beta", 0.5}}));
}

void leaky_relu(OpExport& op) {
  op.set_output(op.emit("LeakyRelu", {op.tensor("self")}, {{"alpha", op.number("negative_slope")}}));
}

void elu(OpExport& op) {
  if (op.number("scale", 1) != 1 || op.number("input_scale", 1) != 1) op.fail("ELU with a scale has no ONNX operator");
  op.set_output(op.emit("Elu", {op.tensor("self")}, {{"alpha", op.number("alpha", 1)}}));
}

void celu(OpExport& op) { op.set_output(op.emit("Celu", {op.tensor("self")}, {{"alpha", op.number("alpha", 1)}})); }

void selu(OpExport& op) { op.set_output(op.emit("Selu", {op.tensor("self")})); }

// One slope, or one a channel; the channels are axis 1.
void prelu(OpExport& op) {
  const std::vector<Dim>& slope = op.info("weight").dims;
  std::vector<Dim> shape = slope;
  const int64_t trailing = op.info("self").rank() - 2;
  const bool is_per_channel = slope.size() == 1 && slope[0].first > 1;
  for (int64_t i = 0; is_per_channel && i < trailing; ++i) shape.push_back({1, 1});
  op.set_output(op.emit("PRelu", {op.tensor("self"), op.reshape(op.tensor("weight"), slope, shape)}));
}

// log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold.
void softplus(OpExport& op) {
  const double beta = op.number("beta", 1), threshold = op.number("threshold", 20);
  const c10::ScalarType dtype = op.output().dtype;
  const std::string x = op.tensor("self"), factor = op.scalar(beta, dtype);
  const std::string scaled = beta == 1 ? x : multiply(op, x, factor);
  std::string y = op.emit("Softplus", {scaled});
  if (beta != 1) y = op.emit("Div", {y, factor});
  // From 20 on the two differ by less than float32 tells apart.
  const bool is_seen = threshold < 20 || dtype != c10::ScalarType::Float;
  op.set_output(is_seen ? op.emit("Where", {op.emit("Greater", {scaled, op.scalar(threshold, dtype)}), x, y}) : y);
}

// Not the logarithm of a sigmoid, which is 0 from -88 on.
void log_sigmoid(OpExport& op) {
  op.set_output(op.emit("Neg", {op.emit("Softplus", {op.emit("Neg", {op.tensor("self")})})}));
}

// In evaluation mode: the mean of its slopes.
void rrelu(OpExport& op) {
  if (op.boolean("training")) op.fail("its slopes are random even in evaluation mode");
  const double slope = (op.number("lower", 1.0 / 8) + op.number("upper", 1.0 / 3)) / 2;
  op.set_output(op.emit("LeakyRelu", {op.tensor("self")}, {{"alpha", slope}}));
}

void threshold(OpExport& op) {
  const c10::ScalarType dtype = op.output().dtype;
  const std::string x = op.tensor("self");
  const std::string above = op.emit("Greater", {x, op.operand("threshold", dtype)});
  op.set_output(op.emit("Where", {above, x, op.operand("value", dtype)}));
}

void glu(OpExport& op) {
  const TensorInfo& info = op.info("self");
  const int64_t axis = op.axis("dim", info.rank()), half = info.dims.at(axis).first / 2;
  const auto parts = op.emit("Split", {op.tensor("self"), op.ints({half, half})}, 2, {{"axis", axis}});
  op.set_output(multiply(op, parts[0], op.emit("Sigmoid", {parts[1]})));
}

OpExporter softmax(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) {
    const std::string x = op.operand("self", op.output().dtype);
    op.set_output(op.emit(onnx_op, {x}, {{"axis", op.axis("dim", op.info("self").rank())}}));
  };
}

// What only training does.
void nothing(OpExport& op) {
  if (op.boolean("train") && op.number("p", 0) != 0) op.fail("it drops values at random even in evaluation mode");
  op.set_output(op.tensor(op.node().schema()->arguments().at(0).name()));
}

}  // namespace

void add_activation_ops(OpTable* table) {
  for (const auto& [aten, onnx] : std::map<std::string, std::string>{{"relu", "Relu"},
                                                                     {"sigmoid", "Sigmoid"},
                                                                     {"tanh", "Tanh"},
                                                                     {"hardswish", "HardSwish"},
                                                                     {"softsign", "Softsign"}}) {
    (*table)["aten::" + aten] = unary(onnx);
  }
  for (const auto& [aten, onnx] : std::map<std::string, std::string>{{"softmax", "Softmax"},
                                                                     {"_softmax", "Softmax"},
                                                                     {"log_softmax", "LogSoftmax"},
                                                                     {"_log_softmax", "LogSoftmax"}}) {
    (*table)["aten::" + aten] = softmax(onnx);
  }
  for (const char* dropout : {"dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"}) {
    (*table)[std::string("aten::") + dropout] = nothing;
  }
  const OpTable others = {{"aten::relu6", relu6},
                          {"aten::hardtanh", hardtanh},
                          {"aten::silu", silu},
                          {"aten::mish", mish},
                          {"aten::gelu", gelu},
                          {"aten::hardsigmoid", hardsigmoid},
                          {"aten::leaky_relu", leaky_relu},
                          {"aten::elu", elu},
                          {"aten::celu", celu},
                          {"aten::selu", selu},
                          {"aten::prelu", prelu},
                          {"aten::_prelu_kernel", prelu},
                          {"aten::softplus", softplus},
                          {"aten::log_sigmoid", log_sigmoid},
                          {"aten::rrelu", rrelu},
                          {"aten::threshold", threshold},
                          {"aten::glu", glu}};
  table->insert(others.begin(), others.end());
}

}  // namespace pare::exporters
