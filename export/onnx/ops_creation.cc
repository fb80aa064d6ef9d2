// Tensors made from numbers. Most are constants, or the same all over the batch, and never come here: these are those
// whose number depends on the model's input.

#include <ATen/core/function_schema.h>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

void fill(OpExport& op) {
  const std::string_view argument = op.node().argument("fill_value") != nullptr ? "fill_value" : "value";
  const std::string number = op.operand(argument, op.output().dtype);
  op.set_output(op.emit("Expand", {number, op.sizes(op.output().dims)}));
}

OpExporter filled_with(double number) {
  return [number](OpExport& op) {
    op.set_output(op.emit("Expand", {op.scalar(number, op.output().dtype), op.sizes(op.output().dims)}));
  };
}

}  // namespace

void add_creation_ops(OpTable* table) {
  for (const char* name : {"full", "full_like", "new_full", "fill"}) (*table)[std::string("aten::") + name] = fill;
  for (const char* name : {"zeros", "zeros_like", "new_zeros", "zero"}) {
    (*table)[std::string("aten::") + name] = filled_with(0);
  }
  for (const char* name : {"ones", "ones_like", "new_ones"}) (*table)[std::string("aten::") + name] = filled_with(1);
}

}  // namespace pare::exporters
