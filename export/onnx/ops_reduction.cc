// Operators that make one number of many.

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cmath>
#include <limits>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

std::vector<int64_t> reduced_axes(OpExport& op) { return op.axes("dim", op.info("self").rank()); }

// ReduceSum has its axes as an input, the others (at opset 17) as an attribute.
std::string reduce(OpExport& op, const std::string& onnx_op, const std::string& x, const std::vector<int64_t>& axes,
                   bool keep) {
  if (op.info("self").rank() == 0) return x;
  const int64_t keepdims = keep ? 1 : 0;
  if (onnx_op == "ReduceSum") return op.emit(onnx_op, {x, op.ints(axes)}, {{"keepdims", keepdims}});
  return op.emit(onnx_op, {x}, {{"axes", axes}, {"keepdims", keepdims}});
}

OpExporter reduction(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) {
    op.set_output(reduce(op, onnx_op, op.operand("self", op.output().dtype), reduced_axes(op), op.boolean("keepdim")));
  };
}

// max and min: of everything, along an axis with indices, or of two tensors.
OpExporter extreme(const std::string& reduce_op, const std::string& arg_op, const std::string& binary_op) {
  return [=](OpExport& op) {
    const std::string x = op.tensor("self");
    if (op.has("other")) {
      const ScalarType dtype = op.output().dtype;
      return op.set_output(op.emit(binary_op, {op.operand("self", dtype), op.operand("other", dtype)}));
    }
    op.set_output(reduce(op, reduce_op, x, reduced_axes(op), op.boolean("keepdim")));
    if (op.node().outputs().size() < 2 || !op.is_used(1)) return;
    const int64_t axis = op.axis("dim", op.info("self").rank());
    op.set_output(op.emit(arg_op, {x}, {{"axis", axis}, {"keepdims", int64_t{op.boolean("keepdim")}}}), 1);
  };
}

OpExporter arg_extreme(const std::string& onnx_op) {
  return [onnx_op](OpExport& op) {
    std::string x = op.tensor("self");
    const int64_t rank = op.info("self").rank();
    if (op.has("dim")) {
      const Attributes attributes = {{"axis", op.axis("dim", rank)}, {"keepdims", int64_t{op.boolean("keepdim")}}};
      return op.set_output(op.emit(onnx_op, {x}, attributes));
    }
    x = op.emit("Reshape", {x, op.ints({-1})});
    op.set_output(op.emit(onnx_op, {x}, {{"axis", int64_t{0}}, {"keepdims", int64_t{0}}}));
  };
}

struct Moments {
  std::string mean, variance;
};

// Divided by n - correction: 1 unless told otherwise.
Moments moments(OpExport& op) {
  const TensorInfo& info = op.info("self");
  const std::vector<int64_t> axes = reduced_axes(op);
  const ScalarType dtype = op.output().dtype;
  double count = 1;
  for (int64_t axis : axes) {
    if (!info.dims.at(axis).is_fixed()) op.fail("it reduces over the batch, whose size is not known at export");
    count *= static_cast<double>(info.dims[axis].first);
  }
  const double correction = op.has("correction") ? op.number("correction") : (op.boolean("unbiased", true) ? 1 : 0);
  const bool keep = op.boolean("keepdim");
  const std::string x = op.tensor("self");
  const std::string difference = op.emit("Sub", {x, reduce(op, "ReduceMean", x, axes, true)});
  const std::string square = op.emit("Mul", {difference, difference});
  Moments result;
  result.variance = reduce(op, "ReduceMean", square, axes, keep);
  if (correction != 0) {
    result.variance = op.emit("Mul", {result.variance, op.scalar(count / (count - correction), dtype)});
  }
  result.mean = reduce(op, "ReduceMean", x, axes, keep);
  return result;
}

void variance(OpExport& op) { op.set_output(moments(op).variance); }
void deviation(OpExport& op) { op.set_output(op.emit("Sqrt", {moments(op).variance})); }

void variance_and_mean(OpExport& op) {
  const Moments both = moments(op);
  op.set_output(both.variance, 0);
  op.set_output(both.mean, 1);
}

void deviation_and_mean(OpExport& op) {
  const Moments both = moments(op);
  op.set_output(op.emit("Sqrt", {both.variance}), 0);
  op.set_output(both.mean, 1);
}

// (sum |x|^p)^(1/p)
void norm(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const double p = op.node().argument("ord") != nullptr ? op.number("ord") : op.number("p", 2);
  const std::string x = op.operand("self", dtype);
  const std::vector<int64_t> axes = reduced_axes(op);
  const bool keep = op.boolean("keepdim");
  if (p == 1) return op.set_output(reduce(op, "ReduceL1", x, axes, keep));
  if (p == 2) return op.set_output(reduce(op, "ReduceL2", x, axes, keep));
  const std::string magnitude = op.emit("Abs", {x});
  if (std::isinf(p)) return op.set_output(reduce(op, p > 0 ? "ReduceMax" : "ReduceMin", magnitude, axes, keep));
  if (p == 0) {
    const std::string nonzero = op.cast(op.emit("Greater", {magnitude, op.scalar(0, dtype)}), ScalarType::Bool, dtype);
    return op.set_output(reduce(op, "ReduceSum", nonzero, axes, keep));
  }
  const std::string sum = reduce(op, "ReduceSum", op.emit("Pow", {magnitude, op.scalar(p, dtype)}), axes, keep);
  op.set_output(op.emit("Pow", {sum, op.scalar(1 / p, dtype)}));
}

// A sum or product of booleans as numbers.
OpExporter quantifier(const std::string& reduce_op) {
  return [reduce_op](OpExport& op) {
    const std::string x = op.cast(op.operand("self", ScalarType::Bool), ScalarType::Bool, ScalarType::Int);
    op.set_output(
        op.cast(reduce(op, reduce_op, x, reduced_axes(op), op.boolean("keepdim")), ScalarType::Int, ScalarType::Bool));
  };
}

void cumsum(OpExport& op) {
  const int64_t axis = op.axis("dim", op.info("self").rank());
  op.set_output(op.emit(
      "CumSum", {op.operand("self", op.output().dtype), op.scalar(static_cast<double>(axis), ScalarType::Long)}));
}

void topk(OpExport& op) {
  const Attributes attributes = {{"axis", op.axis("dim", op.info("self").rank())},
                                 {"largest", int64_t{op.boolean("largest", true)}},
                                 {"sorted", int64_t{op.boolean("sorted", true)}}};
  const auto outputs = op.emit("TopK", {op.tensor("self"), op.ints({op.integer("k")})}, 2, attributes);
  op.set_output(outputs[0], 0);
  op.set_output(outputs[1], 1);
}

// All of them, the best first.
void sort(OpExport& op) {
  const TensorInfo& info = op.info("self");
  if (info.rank() == 0) op.fail("it sorts a single number");
  const int64_t axis = op.axis("dim", info.rank());
  if (!info.dims.at(axis).is_fixed()) op.fail("it sorts over the batch, whose size is not known at export");
  if (op.has("stable") && op.boolean("stable")) op.fail("ONNX has no sort that keeps the order of equal numbers");
  const Attributes attributes = {
      {"axis", axis}, {"largest", int64_t{op.boolean("descending")}}, {"sorted", int64_t{1}}};
  const auto outputs = op.emit("TopK", {op.tensor("self"), op.ints({info.dims[axis].first})}, 2, attributes);
  if (op.node().op() == "aten::argsort") return op.set_output(outputs[1]);
  op.set_output(outputs[0], 0);
  op.set_output(outputs[1], 1);
}

}  // namespace

void add_reduction_ops(OpTable* table) {
  const OpTable ops = {{"aten::mean", reduction("ReduceMean")},
                       {"aten::sum", reduction("ReduceSum")},
                       {"aten::prod", reduction("ReduceProd")},
                       {"aten::amax", reduction("ReduceMax")},
                       {"aten::amin", reduction("ReduceMin")},
                       {"aten::logsumexp", reduction("ReduceLogSumExp")},
                       {"aten::max", extreme("ReduceMax", "ArgMax", "Max")},
                       {"aten::min", extreme("ReduceMin", "ArgMin", "Min")},
                       {"aten::argmax", arg_extreme("ArgMax")},
                       {"aten::argmin", arg_extreme("ArgMin")},
                       {"aten::var", variance},
                       {"aten::std", deviation},
                       {"aten::var_mean", variance_and_mean},
                       {"aten::std_mean", deviation_and_mean},
                       {"aten::norm", norm},
                       {"aten::linalg_vector_norm", norm},
                       {"aten::frobenius_norm", norm},
                       {"aten::any", quantifier("ReduceMax")},
                       {"aten::all", quantifier("ReduceMin")},
                       {"aten::cumsum", cumsum},
                       {"aten::topk", topk},
                       {"aten::sort", sort},
                       {"aten::argsort", sort}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
