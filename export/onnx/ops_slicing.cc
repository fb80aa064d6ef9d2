// Operators that take parts of a tensor at places known at export.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

// A bound that depends on the batch size is fine where it is the size of the axis itself. One that is fixed stays as it
// is: it may lie behind the end of the batch of the run and before that of another.
int64_t bound(OpExport& op, std::string_view argument, Dim size, int64_t if_none) {
  const Dim found = op.dim(argument, {if_none, if_none});
  if (found.is_fixed()) return found.first;
  if (found.first >= size.first && found.second >= size.second) return kToTheEnd;
  op.fail("it cuts at a place that depends on the batch size");
}

void slice(OpExport& op) {
  const TensorInfo& info = op.info("self");
  const int64_t axis = op.axis("dim", info.rank());
  const Dim size = info.dims.at(axis);
  const int64_t step = op.integer("step", 1);
  int64_t start = bound(op, "start", size, 0), end = bound(op, "end", size, kToTheEnd);
  if (size.is_fixed()) {
    // As LibTorch clamps them; some runtimes do not.
    start = std::max<int64_t>(0, from_start(start, size.first));
    end = std::clamp<int64_t>(from_start(end, size.first), 0, size.first);
  }
  const bool is_whole = start == 0 && step == 1 && (end == kToTheEnd || (size.is_fixed() && end == size.first));
  op.set_output(is_whole ? op.tensor("self") : op.slice(op.tensor("self"), axis, start, end, step));
}

void narrow(OpExport& op) {
  const TensorInfo& info = op.info("self");
  const int64_t axis = op.axis("dim", info.rank());
  const Dim size = info.dims.at(axis), length = op.dim("length");
  int64_t start = op.integer("start");
  if (size.is_fixed()) start = from_start(start, size.first);
  if (start == 0 && length == size) return op.set_output(op.tensor("self"));
  if (!length.is_fixed()) op.fail("it cuts at a place that depends on the batch size");
  // Counted from the end of the batch, -1 + 1 is no place in it but its end.
  const bool reaches_end = start < 0 && start + length.first >= 0;
  op.set_output(op.slice(op.tensor("self"), axis, start, reaches_end ? kToTheEnd : start + length.first));
}

void select(OpExport& op) {
  const TensorInfo& info = op.info("self");
  const int64_t axis = op.axis("dim", info.rank());
  const Dim size = info.dims.at(axis);
  int64_t index = op.integer("index");
  if (size.is_fixed()) index = from_start(index, size.first);
  const std::string place = op.scalar(static_cast<double>(index), c10::ScalarType::Long);
  op.set_output(op.emit("Gather", {op.tensor("self"), place}, {{"axis", axis}}));
}

// The sizes of the parts are those of the run.
void split(OpExport& op) {
  const int64_t axis = op.axis("dim", op.info("self").rank());
  const std::vector<TensorInfo> parts = op.outputs_of_list();
  std::vector<int64_t> sizes;
  for (const TensorInfo& part : parts) {
    if (!part.dims.at(axis).is_fixed()) op.fail("it splits the batch");
    sizes.push_back(part.dims[axis].first);
  }
  if (sizes.size() == 1) return op.set_output_list({op.tensor("self")});
  op.set_output_list(op.emit("Split", {op.tensor("self"), op.ints(sizes)}, sizes.size(), {{"axis", axis}}));
}

// An element of a list that an operator returned: x.chunk(2)[0] in a script.
void get_item(OpExport& op) {
  const std::vector<std::string> names = op.tensors("list");
  const int64_t index = from_start(op.integer("idx"), static_cast<int64_t>(names.size()));
  if (index < 0 || index >= static_cast<int64_t>(names.size())) op.fail("the list has no such element");
  op.set_output(names[index]);
}

void unbind(OpExport& op) {
  const TensorInfo& info = op.info("self");
  const int64_t axis = op.axis("dim", info.rank());
  if (!info.dims.at(axis).is_fixed()) op.fail("it splits the batch");
  std::vector<std::string> parts;
  for (int64_t i = 0; i < info.dims[axis].first; ++i) {
    const std::string place = op.scalar(static_cast<double>(i), c10::ScalarType::Long);
    parts.push_back(op.emit("Gather", {op.tensor("self"), place}, {{"axis", axis}}));
  }
  op.set_output_list(parts);
}

// The last `shift` come first.
void roll(OpExport& op) {
  const TensorInfo& info = op.info("self");
  std::vector<int64_t> shifts = op.integers("shifts"), axes = op.integers("dims");
  std::string x = op.tensor("self");
  std::vector<Dim> dims = info.dims;
  const bool is_flat = axes.empty();
  if (is_flat) {
    Dim all{1, 1};
    for (const Dim& dim : dims) all = {all.first * dim.first, all.second * dim.second};
    x = op.reshape(x, dims, {all});
    dims = {all};
    axes = {0};
  }
  for (size_t i = 0; i < shifts.size(); ++i) {
    const int64_t axis = from_start(axes.at(i), static_cast<int64_t>(dims.size()));
    const Dim size = dims.at(axis);
    int64_t shift = shifts[i];
    if (size.is_fixed()) shift = size.first == 0 ? 0 : ((shift % size.first) + size.first) % size.first;
    if (!size.is_fixed() && std::abs(shift) > 1) op.fail("it rolls the batch");
    if (shift == 0) continue;
    x = op.emit("Concat", {op.slice(x, axis, -shift, kToTheEnd), op.slice(x, axis, 0, -shift)}, {{"axis", axis}});
  }
  op.set_output(is_flat ? op.reshape(x, dims, info.dims) : x);
}

void flip(OpExport& op) {
  std::string x = op.tensor("self");
  for (int64_t axis : op.integers("dims")) {
    x = op.slice(x, from_start(axis, op.info("self").rank()), -1, INT64_MIN, -1);
  }
  op.set_output(x);
}

OpExporter triangle(bool upper) {
  return [upper](OpExport& op) {
    const std::string diagonal = op.scalar(static_cast<double>(op.integer("diagonal", 0)), c10::ScalarType::Long);
    op.set_output(op.emit("Trilu", {op.tensor("self"), diagonal}, {{"upper", int64_t{upper}}}));
  };
}

}  // namespace

void add_slicing_ops(OpTable* table) {
  const OpTable ops = {{"aten::slice", slice},        {"aten::narrow", narrow},
                       {"aten::select", select},      {"aten::__getitem__", get_item},
                       {"aten::split", split},        {"aten::split_with_sizes", split},
                       {"aten::chunk", split},        {"aten::tensor_split", split},
                       {"aten::unsafe_chunk", split}, {"aten::unsafe_split", split},
                       {"aten::unbind", unbind},      {"aten::roll", roll},
                       {"aten::flip", flip},          {"aten::tril", triangle(false)},
                       {"aten::triu", triangle(true)}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
