// Matrix products.

#include <cctype>
#include <map>
#include <set>

#include "export/onnx/layers.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

void linear(OpExport& op) {
  const std::string x = op.tensor("input"), weight = op.tensor("weight"), bias = op.tensor_or_empty("bias");
  if (op.info("weight").rank() == 2) {
    return op.set_output(linear_layer(op, x, op.info("input").dims, weight, bias));
  }
  const std::string y = op.emit("MatMul", {x, weight});
  op.set_output(bias.empty() ? y : op.emit("Add", {y, bias}));
}

// beta * self + alpha * (a b)
void add_product(OpExport& op, const std::string& product) {
  const ScalarType dtype = op.output().dtype;
  std::string y = product, self = op.tensor("self");
  if (op.number("alpha", 1) != 1) y = op.emit("Mul", {y, op.operand("alpha", dtype)});
  const double beta = op.number("beta", 1);
  if (beta == 0) return op.set_output(y);
  if (beta != 1) self = op.emit("Mul", {self, op.operand("beta", dtype)});
  op.set_output(op.emit("Add", {y, self}));
}

void addmm(OpExport& op) {
  Attributes attributes;
  if (op.number("alpha", 1) != 1) attributes.emplace_back("alpha", op.number("alpha"));
  if (op.number("beta", 1) != 1) attributes.emplace_back("beta", op.number("beta"));
  const std::string x = op.tensor("mat1"), self = op.tensor("self");
  std::string matrix = op.tensor("mat2");
  if (is_weight_only(op, x, matrix)) {
    matrix = transposed_matrix(op, matrix);
    attributes.emplace_back("transB", int64_t{1});
  }
  op.set_output(op.emit("Gemm", {x, matrix, self}, attributes));
}

void baddbmm(OpExport& op) { add_product(op, op.emit("MatMul", {op.tensor("batch1"), op.tensor("batch2")})); }

OpExporter product(const char* left, const char* right) {
  return [left, right](OpExport& op) {
    const std::string a = op.tensor(left), b = op.tensor(right);
    const std::vector<Dim>& dims = op.info(left).dims;
    if (dims.size() >= 2 && op.info(right).rank() == 2 && is_weight_only(op, a, b)) {
      return op.set_output(linear_layer(op, a, dims, transposed_matrix(op, b), ""));
    }
    op.set_output(op.emit("MatMul", {a, b}));
  };
}

void outer(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  op.set_output(op.emit("Mul", {op.unsqueeze(op.operand("self", dtype), {1}), op.operand("vec2", dtype)}));
}

// "ab,bc" as "ab,bc->ac": LibTorch sorts what is named once with upper case first, which renaming would not keep.
std::string explicit_equation(const std::string& equation) {
  if (equation.find("->") != std::string::npos) return equation;
  std::map<char, int> counts;  // in the alphabet's order, upper case first
  for (char c : equation) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) ++counts[c];
  }
  std::string result = equation + "->";
  if (equation.find("...") != std::string::npos) result += "...";
  for (const auto& [letter, count] : counts) {
    if (count == 1) result += letter;
  }
  return result;
}

// ONNX wants lower-case letters alone; LibTorch takes both cases and blanks.
std::string plain_equation(OpExport& op, const std::string& equation) {
  std::map<char, char> renamed;
  std::set<char> used;
  for (char c : equation) {
    if (c >= 'a' && c <= 'z') used.insert(c);
  }
  std::string result;
  for (char c : equation) {
    if (c == ' ') continue;
    if (c >= 'A' && c <= 'Z') {
      if (renamed.count(c) == 0) {
        char free = 'a';
        while (free <= 'z' && used.count(free) > 0) ++free;
        if (free > 'z') op.fail("its equation names more than 26 axes");
        used.insert(free);
        renamed[c] = free;
      }
      c = renamed[c];
    }
    result += c;
  }
  return result;
}

void einsum(OpExport& op) {
  op.set_output(op.emit("Einsum", op.tensors("tensors"),
                        {{"equation", plain_equation(op, explicit_equation(op.text("equation")))}}));
}

}  // namespace

void add_matmul_ops(OpTable* table) {
  const OpTable ops = {{"aten::linear", linear},
                       {"aten::addmm", addmm},
                       {"aten::baddbmm", baddbmm},
                       {"aten::mm", product("self", "mat2")},
                       {"aten::bmm", product("self", "mat2")},
                       {"aten::mv", product("self", "vec")},
                       {"aten::dot", product("self", "tensor")},
                       {"aten::outer", outer},
                       {"aten::ger", outer},
                       {"aten::matmul", product("self", "other")},
                       {"aten::einsum", einsum}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
