// Arithmetic, element by element, with LibTorch's type promotion: operands are converted to the result's dtype.

#include <c10/core/ScalarType.h>

#include <cmath>
#include <limits>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

bool is_integer(ScalarType dtype) { return c10::isIntegralType(dtype, /*includeBool=*/true); }

OpExporter unary(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) { op.set_output(op.emit(onnx_op, {op.operand("self", op.output().dtype)})); };
}

// Both operands are wanted in the result's dtype; ONNX has no arithmetic on booleans, where LibTorch's is logic.
OpExporter binary(const std::string& onnx_op, const std::string& boolean_op = "") {
  return [onnx_op, boolean_op](OpExport& op) {
    const ScalarType dtype = op.output().dtype;
    const bool is_logic = dtype == ScalarType::Bool && !boolean_op.empty();
    op.set_output(op.emit(is_logic ? boolean_op : onnx_op, {op.operand("self", dtype), op.operand("other", dtype)}));
  };
}

std::string scaled(OpExport& op, std::string_view argument) {
  const ScalarType dtype = op.output().dtype;
  const std::string x = op.operand(argument, dtype);
  return op.number("alpha", 1) == 1 ? x : op.emit("Mul", {x, op.operand("alpha", dtype)});
}

void add(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  if (dtype == ScalarType::Bool) return binary("", "Or")(op);
  op.set_output(op.emit("Add", {op.operand("self", dtype), scaled(op, "other")}));
}

void sub(OpExport& op) { op.set_output(op.emit("Sub", {op.operand("self", op.output().dtype), scaled(op, "other")})); }

void rsub(OpExport& op) { op.set_output(op.emit("Sub", {op.operand("other", op.output().dtype), scaled(op, "self")})); }

// a / b rounded down: a - (a mod b) divides b, with the remainder's sign that of b.
std::string floor_div(OpExport& op, const std::string& a, const std::string& b, ScalarType dtype) {
  if (!is_integer(dtype)) return op.emit("Floor", {op.emit("Div", {a, b})});
  return op.emit("Div", {op.emit("Sub", {a, op.emit("Mod", {a, b})}), b});
}

void div(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::string a = op.operand("self", dtype), b = op.operand("other", dtype);
  const std::string mode = op.text("rounding_mode");
  if (mode == "floor") return op.set_output(floor_div(op, a, b, dtype));
  std::string quotient = op.emit("Div", {a, b});
  if (mode == "trunc" && !is_integer(dtype)) {
    quotient = op.emit("Mul", {op.emit("Sign", {quotient}), op.emit("Floor", {op.emit("Abs", {quotient})})});
  }
  op.set_output(quotient);
}

void floor_divide(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(floor_div(op, op.operand("self", dtype), op.operand("other", dtype), dtype));
}

// The sign of the divisor.
void remainder(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::string a = op.operand("self", dtype), b = op.operand("other", dtype);
  if (is_integer(dtype)) return op.set_output(op.emit("Mod", {a, b}));
  op.set_output(op.emit("Sub", {a, op.emit("Mul", {op.emit("Floor", {op.emit("Div", {a, b})}), b})}));
}

// The sign of the dividend.
void fmod(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Mod", {op.operand("self", dtype), op.operand("other", dtype)}, {{"fmod", int64_t{1}}}));
}

void pow(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::string x = op.operand("self", dtype);
  // Runtimes have these as faster operators, and exactly as LibTorch computes them.
  if (!op.is_tensor("exponent")) {
    const double exponent = op.number("exponent");
    if (exponent == 1) return op.set_output(x);
    if (exponent == 2) return op.set_output(op.emit("Mul", {x, x}));
    if (exponent == 3) return op.set_output(op.emit("Mul", {op.emit("Mul", {x, x}), x}));
    if (exponent == 0.5) return op.set_output(op.emit("Sqrt", {x}));
  }
  op.set_output(op.emit("Pow", {x, op.operand("exponent", dtype)}));
}

void square(OpExport& op) {
  const std::string x = op.tensor("self");
  op.set_output(op.emit("Mul", {x, x}));
}

void rsqrt(OpExport& op) {
  const std::string root = op.emit("Sqrt", {op.operand("self", op.output().dtype)});
  op.set_output(op.emit("Reciprocal", {root}));
}

void log_of_base(OpExport& op, double base) {
  const std::string log = op.emit("Log", {op.operand("self", op.output().dtype)});
  op.set_output(op.emit("Mul", {log, op.scalar(1 / std::log(base), op.output().dtype)}));
}

void log2(OpExport& op) { log_of_base(op, 2); }
void log10(OpExport& op) { log_of_base(op, 10); }

void log1p(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Log", {op.emit("Add", {op.operand("self", dtype), op.scalar(1, dtype)})}));
}

void expm1(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Sub", {op.emit("Exp", {op.operand("self", dtype)}), op.scalar(1, dtype)}));
}

// Limits that are tensors broadcast, which Clip's do not.
void clamp(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const bool has_min = op.has("min"), has_max = op.has("max");
  std::string x = op.operand("self", dtype);
  if (op.is_tensor("min") || op.is_tensor("max")) {
    if (has_min) x = op.emit("Max", {x, op.operand("min", dtype)});
    if (has_max) x = op.emit("Min", {x, op.operand("max", dtype)});
    return op.set_output(x);
  }
  op.set_output(op.emit("Clip", {x, has_min ? op.operand("min", dtype) : "", has_max ? op.operand("max", dtype) : ""}));
}

// self + value * (tensor1 op tensor2)
OpExporter fused(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) {
    const ScalarType dtype = op.output().dtype;
    std::string product = op.emit(onnx_op, {op.operand("tensor1", dtype), op.operand("tensor2", dtype)});
    if (op.number("value", 1) != 1) product = op.emit("Mul", {product, op.operand("value", dtype)});
    op.set_output(op.emit("Add", {op.operand("self", dtype), product}));
  };
}

void lerp(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::string start = op.operand("self", dtype);
  const std::string way = op.emit("Sub", {op.operand("end", dtype), start});
  op.set_output(op.emit("Add", {start, op.emit("Mul", {way, op.operand("weight", dtype)})}));
}

void convert(OpExport& op) { op.set_output(op.cast(op.tensor("self"), op.info("self").dtype, op.output().dtype)); }

void pass_on(OpExport& op) { op.set_output(op.tensor(op.node().schema()->arguments().at(0).name())); }

// aten::copy_(self, src): all of self becomes src.
void copy(OpExport& op) {
  const std::string source = op.operand("src", op.output().dtype);
  if (op.info("src").dims == op.output().dims) return op.set_output(source);
  op.set_output(op.emit("Expand", {source, op.sizes(op.output().dims)}));
}

}  // namespace

void add_elementwise_ops(OpTable* table) {
  for (const auto& [aten, onnx] : std::map<std::string, std::string>{{"exp", "Exp"},
                                                                     {"log", "Log"},
                                                                     {"sqrt", "Sqrt"},
                                                                     {"neg", "Neg"},
                                                                     {"abs", "Abs"},
                                                                     {"floor", "Floor"},
                                                                     {"ceil", "Ceil"},
                                                                     {"round", "Round"},
                                                                     {"erf", "Erf"},
                                                                     {"sin", "Sin"},
                                                                     {"cos", "Cos"},
                                                                     {"tan", "Tan"},
                                                                     {"asin", "Asin"},
                                                                     {"acos", "Acos"},
                                                                     {"atan", "Atan"},
                                                                     {"sinh", "Sinh"},
                                                                     {"cosh", "Cosh"},
                                                                     {"sign", "Sign"},
                                                                     {"reciprocal", "Reciprocal"}}) {
    (*table)["aten::" + aten] = unary(onnx);
  }
  for (const char* alias :
       {"to", "type_as", "_to_copy", "_cast_Float", "float", "double", "long", "int", "half", "bool"}) {
    (*table)[std::string("aten::") + alias] = convert;
  }
  for (const char* same : {"contiguous", "clone", "detach", "alias", "lift_fresh", "lift", "cpu", "requires_grad_",
                           "_reshape_alias_copy", "positive"}) {
    (*table)[std::string("aten::") + same] = pass_on;
  }
  const OpTable others = {{"aten::add", add},
                          {"aten::sub", sub},
                          {"aten::subtract", sub},
                          {"aten::rsub", rsub},
                          {"aten::mul", binary("Mul", "And")},
                          {"aten::multiply", binary("Mul", "And")},
                          {"aten::div", div},
                          {"aten::divide", div},
                          {"aten::true_divide", div},
                          {"aten::floor_divide", floor_divide},
                          {"aten::remainder", remainder},
                          {"aten::fmod", fmod},
                          {"aten::pow", pow},
                          {"aten::square", square},
                          {"aten::rsqrt", rsqrt},
                          {"aten::log2", log2},
                          {"aten::log10", log10},
                          {"aten::log1p", log1p},
                          {"aten::expm1", expm1},
                          {"aten::clamp", clamp},
                          {"aten::clip", clamp},
                          {"aten::clamp_min", clamp},
                          {"aten::clamp_max", clamp},
                          {"aten::maximum", binary("Max", "Or")},
                          {"aten::minimum", binary("Min", "And")},
                          {"aten::addcmul", fused("Mul")},
                          {"aten::addcdiv", fused("Div")},
                          {"aten::lerp", lerp},
                          {"aten::copy", copy}};
  table->insert(others.begin(), others.end());
}

}  // namespace pare::exporters
