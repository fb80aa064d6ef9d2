// Operators that take parts of a tensor at places that a tensor names.

#include <ATen/TensorOperators.h>
#include <ATen/ops/nonzero.h>

#include <algorithm>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

std::string indices_of(OpExport& op, std::string_view argument) {
  const ScalarType dtype = op.info(argument).dtype;
  const bool is_index = dtype == ScalarType::Long || dtype == ScalarType::Int;
  return is_index ? op.tensor(argument) : op.cast(op.tensor(argument), dtype, ScalarType::Long);
}

void embedding(OpExport& op) {
  op.set_output(op.emit("Gather", {op.tensor("weight"), indices_of(op, "indices")}, {{"axis", int64_t{0}}}));
}

void index_select(OpExport& op) {
  const int64_t axis = op.axis("dim", op.info("self").rank());
  op.set_output(op.emit("Gather", {op.tensor("self"), indices_of(op, "index")}, {{"axis", axis}}));
}

void gather(OpExport& op) {
  const int64_t axis = op.axis("dim", op.info("self").rank());
  op.set_output(op.emit("GatherElements", {op.tensor("self"), indices_of(op, "index")}, {{"axis", axis}}));
}

// One tensor of indices: Gather. Several: their broadcast coordinates, and GatherND on the indexed axes brought to the
// front; the result's indexed axes go back to where the first one was if they were neighbours, as in LibTorch.
void index(OpExport& op) {
  const std::vector<std::string> names = op.tensors("indices");
  const std::vector<TensorInfo> all = op.infos("indices");
  std::vector<int64_t> axes;
  std::vector<std::string> indices;
  std::vector<TensorInfo> infos;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    const TensorInfo& info = all.at(infos.size());
    std::string name = names[i];
    TensorInfo used = info;
    if (info.dtype == ScalarType::Bool || info.dtype == ScalarType::Byte) {
      const at::Tensor* mask = op.find_initializer(name);
      if (mask == nullptr || mask->dim() != 1) {
        op.fail("a mask that depends on the model's input selects a number of elements that is not known at export");
      }
      const at::Tensor places = at::nonzero(*mask).flatten();
      used = {ScalarType::Long, {{places.numel(), places.numel()}}};
      name = op.constant(places);
    } else {
      name = op.cast(name, info.dtype, ScalarType::Long);
    }
    axes.push_back(static_cast<int64_t>(i));
    indices.push_back(name);
    infos.push_back(used);
  }
  const std::string x = op.tensor("self");
  const int64_t rank = op.info("self").rank();
  if (axes.empty()) return op.set_output(x);
  if (axes.size() == 1) return op.set_output(op.emit("Gather", {x, indices[0]}, {{"axis", axes[0]}}));

  size_t index_rank = 0;
  for (const TensorInfo& info : infos) index_rank = std::max(index_rank, info.dims.size());
  std::vector<Dim> common(index_rank, Dim{1, 1});
  for (const TensorInfo& info : infos) {
    const size_t added = index_rank - info.dims.size();
    for (size_t i = 0; i < info.dims.size(); ++i) {
      if (info.dims[i] != Dim{1, 1}) common[added + i] = info.dims[i];
    }
  }
  std::vector<std::string> coordinates;
  for (const std::string& name : indices) {
    const std::string expanded = index_rank == 0 ? name : op.emit("Expand", {name, op.sizes(common)});
    coordinates.push_back(op.unsqueeze(expanded, {static_cast<int64_t>(index_rank)}));
  }
  const std::string places = op.emit("Concat", coordinates, {{"axis", static_cast<int64_t>(index_rank)}});
  std::vector<int64_t> permutation = axes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) permutation.push_back(axis);
  }
  std::string y = op.emit("GatherND", {op.transpose(x, permutation), places});
  const bool are_neighbours = axes.back() - axes.front() + 1 == static_cast<int64_t>(axes.size());
  if (are_neighbours && axes.front() > 0) {
    // [indices..., axes before, axes after] -> [axes before, indices..., axes after]
    const int64_t n = static_cast<int64_t>(index_rank), before = axes.front(), result_rank = op.output().rank();
    std::vector<int64_t> back;
    for (int64_t i = 0; i < before; ++i) back.push_back(n + i);
    for (int64_t i = 0; i < n; ++i) back.push_back(i);
    for (int64_t i = n + before; i < result_rank; ++i) back.push_back(i);
    y = op.transpose(y, back);
  }
  op.set_output(y);
}

}  // namespace

void add_indexing_ops(OpTable* table) {
  const OpTable ops = {{"aten::embedding", embedding},
                       {"aten::index_select", index_select},
                       {"aten::gather", gather},
                       {"aten::index", index}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
