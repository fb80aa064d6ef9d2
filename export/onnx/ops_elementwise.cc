// Arithmetic, element by element, with LibTorch's type promotion: operands are converted to the result's dtype.

#include <ATen/TensorOperators.h>
#include <c10/core/ScalarType.h>

#include <cmath>
#include <cstdlib>
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

std::string truncated(OpExport& op, const std::string& x) {
  return op.emit("Mul", {op.emit("Sign", {x}), op.emit("Floor", {op.emit("Abs", {x})})});
}

// What is left of a / b, exactly (which a - floor(a / b) b is not), and whether its sign is not that of b.
struct Rest {
  std::string value, has_wrong_sign;
};

Rest rest_of(OpExport& op, const std::string& a, const std::string& b, ScalarType dtype) {
  const std::string zero = op.scalar(0, dtype);
  Rest rest;
  rest.value = op.emit("Mod", {a, b}, {{"fmod", int64_t{1}}});
  const std::string differs = op.emit("Xor", {op.emit("Less", {rest.value, zero}), op.emit("Less", {b, zero})});
  rest.has_wrong_sign = op.emit("And", {differs, op.emit("Not", {op.emit("Equal", {rest.value, zero})})});
  return rest;
}

// a / b rounded down: a - (a mod b) divides b, with the remainder's sign that of b.
std::string floor_div(OpExport& op, const std::string& a, const std::string& b, ScalarType dtype) {
  if (is_integer(dtype)) return op.emit("Div", {op.emit("Sub", {a, op.emit("Mod", {a, b})}), b});
  const Rest rest = rest_of(op, a, b, dtype);
  const std::string whole = op.emit("Round", {op.emit("Div", {op.emit("Sub", {a, rest.value}), b})});
  const std::string quotient = op.emit("Sub", {whole, op.cast(rest.has_wrong_sign, ScalarType::Bool, dtype)});
  const at::Tensor* known = op.find_initializer(b);
  if (known != nullptr && !(*known == 0).any().item<bool>()) return quotient;
  // By zero it is infinite, where a remainder is no number.
  const std::string is_zero = op.emit("Equal", {b, op.scalar(0, dtype)});
  return op.emit("Where", {is_zero, op.emit("Div", {a, b}), quotient});
}

void div(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::string a = op.operand("self", dtype), b = op.operand("other", dtype);
  const std::string mode = op.text("rounding_mode");
  if (mode == "floor") return op.set_output(floor_div(op, a, b, dtype));
  const std::string quotient = op.emit("Div", {a, b});
  op.set_output(mode == "trunc" && !is_integer(dtype) ? truncated(op, quotient) : quotient);
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
  const Rest rest = rest_of(op, a, b, dtype);
  op.set_output(op.emit("Where", {rest.has_wrong_sign, op.emit("Add", {rest.value, b}), rest.value}));
}

// The sign of the dividend.
void fmod(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Mod", {op.operand("self", dtype), op.operand("other", dtype)}, {{"fmod", int64_t{1}}}));
}

void trunc(OpExport& op) {
  const std::string x = op.tensor("self");
  op.set_output(is_integer(op.output().dtype) ? x : truncated(op, x));
}

// Half to even, like LibTorch's; to decimals by moving the point, which LibTorch does in the same way.
void round(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::string x = op.operand("self", dtype);
  const int64_t decimals = op.node().argument("decimals") != nullptr ? op.integer("decimals") : 0;
  if (is_integer(dtype)) return op.set_output(x);
  if (decimals == 0) return op.set_output(op.emit("Round", {x}));
  const std::string power = op.scalar(std::pow(10.0, static_cast<double>(std::abs(decimals))), dtype);
  const std::string there = op.emit(decimals > 0 ? "Mul" : "Div", {x, power});
  op.set_output(op.emit(decimals > 0 ? "Div" : "Mul", {op.emit("Round", {there}), power}));
}

void nan_to_num(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  std::string x = op.tensor("self");
  if (is_integer(dtype)) return op.set_output(x);
  const double largest =
      dtype == ScalarType::Double ? std::numeric_limits<double>::max() : double{std::numeric_limits<float>::max()};
  const std::string high = op.scalar(op.number("posinf", largest), dtype);
  const std::string low = op.scalar(op.number("neginf", -largest), dtype);
  const std::string infinity = op.scalar(std::numeric_limits<double>::infinity(), dtype);
  const std::string minus_infinity = op.scalar(-std::numeric_limits<double>::infinity(), dtype);
  const std::string is_nan = op.emit("IsNaN", {x});
  std::string y = op.emit("Where", {op.emit("Equal", {x, infinity}), high, x});
  y = op.emit("Where", {op.emit("Equal", {x, minus_infinity}), low, y});
  op.set_output(op.emit("Where", {is_nan, op.scalar(op.number("nan", 0), dtype), y}));
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
                          {"aten::round", round},
                          {"aten::trunc", trunc},
                          {"aten::fix", trunc},
                          {"aten::nan_to_num", nan_to_num},
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
