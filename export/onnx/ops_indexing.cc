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

// x[indices]: the axes that are indexed, and by what.
struct Places {
  std::vector<int64_t> axes;
  std::vector<std::string> names;
  std::vector<TensorInfo> infos;
};

Places read_places(OpExport& op) {
  const std::vector<std::string> names = op.tensors("indices");
  const std::vector<TensorInfo> all = op.infos("indices");
  Places places;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    const TensorInfo& info = all.at(places.infos.size());
    std::string name = names[i];
    TensorInfo used = info;
    if (info.dtype == ScalarType::Bool || info.dtype == ScalarType::Byte) {
      const at::Tensor* mask = op.find_initializer(name);
      if (mask == nullptr || mask->dim() != 1) {
        op.fail("a mask that depends on the model's input selects a number of elements that is not known at export");
      }
      const at::Tensor chosen = at::nonzero(*mask).flatten();
      used = {ScalarType::Long, {{chosen.numel(), chosen.numel()}}};
      name = op.constant(chosen);
    } else {
      name = op.cast(name, info.dtype, ScalarType::Long);
    }
    places.axes.push_back(static_cast<int64_t>(i));
    places.names.push_back(name);
    places.infos.push_back(used);
  }
  return places;
}

// The shape that the indices broadcast to.
std::vector<Dim> common_shape(const Places& places) {
  size_t rank = 0;
  for (const TensorInfo& info : places.infos) rank = std::max(rank, info.dims.size());
  std::vector<Dim> common(rank, Dim{1, 1});
  for (const TensorInfo& info : places.infos) {
    const size_t added = rank - info.dims.size();
    for (size_t i = 0; i < info.dims.size(); ++i) {
      if (info.dims[i] != Dim{1, 1}) common[added + i] = info.dims[i];
    }
  }
  return common;
}

// [common..., number of indexed axes].
std::string coordinates(OpExport& op, const Places& places, const std::vector<Dim>& common) {
  const int64_t rank = static_cast<int64_t>(common.size());
  std::vector<std::string> parts;
  for (const std::string& name : places.names) {
    const std::string expanded = common.empty() ? name : op.emit("Expand", {name, op.sizes(common)});
    parts.push_back(op.unsqueeze(expanded, {rank}));
  }
  return parts.size() == 1 ? parts[0] : op.emit("Concat", parts, {{"axis", rank}});
}

// One tensor of indices: Gather. Several: their broadcast coordinates, and GatherND on the indexed axes brought to the
// front; the result's indexed axes go back to where the first one was if they were neighbours, as in LibTorch.
void index(OpExport& op) {
  const Places places = read_places(op);
  const std::vector<int64_t>& axes = places.axes;
  const std::string x = op.tensor("self");
  const int64_t rank = op.info("self").rank();
  if (axes.empty()) return op.set_output(x);
  if (axes.size() == 1) return op.set_output(op.emit("Gather", {x, places.names[0]}, {{"axis", axes[0]}}));
  const std::vector<Dim> common = common_shape(places);
  std::vector<int64_t> permutation = axes;
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) permutation.push_back(axis);
  }
  std::string y = op.emit("GatherND", {op.transpose(x, permutation), coordinates(op, places, common)});
  const bool are_neighbours = axes.back() - axes.front() + 1 == static_cast<int64_t>(axes.size());
  if (are_neighbours && axes.front() > 0) {
    // [indices..., axes before, axes after] -> [axes before, indices..., axes after]
    const int64_t n = static_cast<int64_t>(common.size()), before = axes.front(), result_rank = op.output().rank();
    std::vector<int64_t> back;
    for (int64_t i = 0; i < before; ++i) back.push_back(n + i);
    for (int64_t i = 0; i < n; ++i) back.push_back(i);
    for (int64_t i = n + before; i < result_rank; ++i) back.push_back(i);
    y = op.transpose(y, back);
  }
  op.set_output(y);
}

// x[indices] = values, or += of them, where the indices are those of the first axes.
void index_put(OpExport& op) {
  const Places places = read_places(op);
  if (places.axes != iota(static_cast<int64_t>(places.axes.size())) || places.axes.empty()) {
    op.fail("it writes to places along axes that are not the first ones");
  }
  const ScalarType dtype = op.output().dtype;
  const std::vector<Dim> common = common_shape(places);
  std::vector<Dim> updated = common;
  const std::vector<Dim>& dims = op.info("self").dims;
  updated.insert(updated.end(), dims.begin() + static_cast<std::ptrdiff_t>(places.axes.size()), dims.end());
  std::string values = op.operand("values", dtype);
  if (op.info("values").dims != updated) values = op.emit("Expand", {values, op.sizes(updated)});
  Attributes attributes;
  if (op.boolean("accumulate")) attributes.emplace_back("reduction", std::string("add"));
  op.set_output(op.emit("ScatterND", {op.operand("self", dtype), coordinates(op, places, common), values}, attributes));
}

// One number, or those of `src` at the same places as the indices.
OpExporter scatter(bool adds) {
  return [adds](OpExport& op) {
    if (op.has("reduce")) op.fail("it reduces what is written to one place, for which there is no exporter");
    const ScalarType dtype = op.output().dtype;
    const TensorInfo& places = op.info("index");
    std::string values;
    if (op.node().argument("src") != nullptr) {
      if (op.info("src").dims != places.dims) op.fail("its source and its index have different shapes");
      values = op.operand("src", dtype);
    } else {
      values = op.emit("Expand", {op.operand("value", dtype), op.sizes(places.dims)});
    }
    Attributes attributes = {{"axis", op.axis("dim", op.info("self").rank())}};
    if (adds) attributes.emplace_back("reduction", std::string("add"));
    op.set_output(op.emit("ScatterElements", {op.operand("self", dtype), indices_of(op, "index"), values}, attributes));
  };
}

void one_hot(OpExport& op) {
  const int64_t classes = op.integer("num_classes", -1);
  if (classes < 1) op.fail("its number of classes depends on the model's input: give it one");
  const std::string off_and_on = op.ints({0, 1}), depth = op.scalar(static_cast<double>(classes), ScalarType::Long);
  op.set_output(op.emit("OneHot", {indices_of(op, "self"), depth, off_and_on}, {{"axis", int64_t{-1}}}));
}

}  // namespace

void add_indexing_ops(OpTable* table) {
  const OpTable ops = {{"aten::embedding", embedding},    {"aten::index_select", index_select},
                       {"aten::gather", gather},          {"aten::index", index},
                       {"aten::index_put", index_put},    {"aten::_index_put_impl", index_put},
                       {"aten::scatter", scatter(false)}, {"aten::scatter_add", scatter(true)},
                       {"aten::one_hot", one_hot}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
