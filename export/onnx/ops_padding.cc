// Padding. LibTorch lists the last axis first, and pairs of (before, after); ONNX all the befores and then the afters.

#include "absl/strings/str_cat.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

void emit_pad(OpExport& op, const std::string& mode, const std::string& value) {
  const int64_t rank = op.info("self").rank();
  const std::vector<int64_t> pairs = op.integers(op.has("pad") ? "pad" : "padding");
  std::vector<int64_t> pads(static_cast<size_t>(2 * rank), 0);
  bool is_zero = true;
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const int64_t axis = rank - 1 - static_cast<int64_t>(i / 2);
    pads.at(axis) = pairs[i];
    pads.at(rank + axis) = pairs[i + 1];
    is_zero = is_zero && pairs[i] == 0 && pairs[i + 1] == 0;
  }
  const std::string x = op.tensor("self");
  if (is_zero) return op.set_output(x);
  if (mode == "constant") return op.set_output(op.emit("Pad", {x, op.ints(pads), value}));
  op.set_output(op.emit("Pad", {x, op.ints(pads)}, {{"mode", mode}}));
}

void constant_pad(OpExport& op) {
  const c10::ScalarType dtype = op.output().dtype;
  emit_pad(op, "constant", op.has("value") ? op.operand("value", dtype) : op.scalar(0, dtype));
}

void reflection_pad(OpExport& op) { emit_pad(op, "reflect", ""); }
void replication_pad(OpExport& op) { emit_pad(op, "edge", ""); }

void pad(OpExport& op) {
  const std::string mode = op.text("mode", "constant");
  if (mode == "constant") return constant_pad(op);
  if (mode == "reflect") return reflection_pad(op);
  if (mode == "replicate") return replication_pad(op);
  op.fail(absl::StrCat("its mode is ", mode, "; constant, reflect and replicate can be exported"));
}

}  // namespace

void add_padding_ops(OpTable* table) {
  (*table)["aten::pad"] = pad;
  (*table)["aten::constant_pad_nd"] = constant_pad;
  for (int n = 1; n <= 3; ++n) {
    (*table)[absl::StrCat("aten::reflection_pad", n, "d")] = reflection_pad;
    (*table)[absl::StrCat("aten::replication_pad", n, "d")] = replication_pad;
  }
}

}  // namespace pare::exporters
