// Comparisons, logic, and choosing by a condition.

#include <ATen/ops/result_type.h>
#include <ATen/ops/zeros.h>
#include <c10/core/ScalarType.h>

#include <limits>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

// A tensor that promotes as the argument does.
at::Tensor stand_in(const TensorInfo& info) {
  return info.rank() == 0 ? at::zeros({}, info.dtype) : at::zeros({0}, info.dtype);
}

ScalarType common_dtype(OpExport& op, std::string_view a, std::string_view b) {
  if (op.is_tensor(a) && op.is_tensor(b)) return at::result_type(stand_in(op.info(a)), stand_in(op.info(b)));
  const bool a_is_tensor = op.is_tensor(a);
  const at::Tensor tensor = stand_in(op.info(a_is_tensor ? a : b));
  const double number = op.number(a_is_tensor ? b : a);
  const bool is_whole = number == static_cast<double>(static_cast<int64_t>(number));
  return at::result_type(tensor, is_whole ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number));
}

OpExporter compare(const std::string& onnx_op, bool negate = false) {
  return [onnx_op, negate](OpExport& op) {
    ScalarType dtype = common_dtype(op, "self", "other");
    // ONNX orders no booleans.
    if (dtype == ScalarType::Bool && onnx_op != "Equal") dtype = ScalarType::Int;
    const std::string result = op.emit(onnx_op, {op.operand("self", dtype), op.operand("other", dtype)});
    op.set_output(negate ? op.emit("Not", {result}) : result);
  };
}

// A tensor that is true where the number is not zero.
std::string truth(OpExport& op, std::string_view argument) { return op.operand(argument, ScalarType::Bool); }

OpExporter logic(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) { op.set_output(op.emit(onnx_op, {truth(op, "self"), truth(op, "other")})); };
}

// Opset 17 has no bitwise operators: on booleans they are logic.
OpExporter bitwise(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) {
    if (op.output().dtype != ScalarType::Bool) op.fail("bitwise operators on integers need a newer ONNX opset than 17");
    logic(onnx_op)(op);
  };
}

void logical_not(OpExport& op) { op.set_output(op.emit("Not", {truth(op, "self")})); }

void bitwise_not(OpExport& op) {
  if (op.output().dtype != ScalarType::Bool) op.fail("bitwise operators on integers need a newer ONNX opset than 17");
  logical_not(op);
}

OpExporter test(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) { op.set_output(op.emit(onnx_op, {op.tensor("self")})); };
}

void is_finite(OpExport& op) {
  const std::string x = op.operand("self", ScalarType::Float);
  op.set_output(op.emit("Not", {op.emit("Or", {op.emit("IsNaN", {x}), op.emit("IsInf", {x})})}));
}

void where(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Where", {truth(op, "condition"), op.operand("self", dtype), op.operand("other", dtype)}));
}

void masked_fill(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Where", {truth(op, "mask"), op.operand("value", dtype), op.operand("self", dtype)}));
}

}  // namespace

void add_comparison_ops(OpTable* table) {
  const OpTable ops = {{"aten::eq", compare("Equal")},        {"aten::ne", compare("Equal", true)},
                       {"aten::lt", compare("Less")},         {"aten::le", compare("LessOrEqual")},
                       {"aten::gt", compare("Greater")},      {"aten::ge", compare("GreaterOrEqual")},
                       {"aten::logical_and", logic("And")},   {"aten::logical_or", logic("Or")},
                       {"aten::logical_xor", logic("Xor")},   {"aten::logical_not", logical_not},
                       {"aten::bitwise_and", bitwise("And")}, {"aten::bitwise_or", bitwise("Or")},
                       {"aten::bitwise_xor", bitwise("Xor")}, {"aten::__and__", bitwise("And")},
                       {"aten::__or__", bitwise("Or")},       {"aten::__xor__", bitwise("Xor")},
                       {"aten::bitwise_not", bitwise_not},    {"aten::isnan", test("IsNaN")},
                       {"aten::isinf", test("IsInf")},        {"aten::where", where},
                       {"aten::masked_fill", masked_fill},    {"aten::isfinite", is_finite}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
