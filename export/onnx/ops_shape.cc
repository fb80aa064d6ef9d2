// Operators that move numbers without changing them: shapes, axes, joining, repeating.

#include <ATen/core/function_schema.h>

#include <algorithm>

#include "export/onnx/layers.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

// The shape of the result is known from the run, so view, reshape, flatten, unsqueeze, ... are all one.
void reshape(OpExport& op) {
  if (op.node().op() == "aten::view" && op.node().overload() == "dtype") {
    op.fail("it reads the bytes of one dtype as another");
  }
  const std::string argument = op.node().schema()->arguments().at(0).name();
  op.set_output(op.reshape(op.tensor(argument), op.info(argument).dims, op.output().dims));
}

// A quantized weight is transposed in the file: runtimes want it right behind its DequantizeLinear.
std::string permuted(OpExport& op, const std::string& x, const std::vector<int64_t>& permutation) {
  return permutation == std::vector<int64_t>{1, 0} ? transposed_matrix(op, x) : op.transpose(x, permutation);
}

void permute(OpExport& op) {
  const int64_t rank = op.info("self").rank();
  std::vector<int64_t> permutation = op.integers("dims");
  for (int64_t& axis : permutation) axis = from_start(axis, rank);
  op.set_output(permuted(op, op.tensor("self"), permutation));
}

void transpose(OpExport& op) {
  const int64_t rank = op.info("self").rank();
  std::vector<int64_t> permutation = iota(rank);
  const std::string_view first = op.has("dim0") ? "dim0" : "axis0", second = op.has("dim1") ? "dim1" : "axis1";
  if (rank > 0) std::swap(permutation.at(op.axis(first, rank)), permutation.at(op.axis(second, rank)));
  op.set_output(permuted(op, op.tensor("self"), permutation));
}

void reverse_axes(OpExport& op) {
  std::vector<int64_t> permutation = iota(op.info("self").rank());
  std::reverse(permutation.begin(), permutation.end());
  op.set_output(permuted(op, op.tensor("self"), permutation));
}

// "mT" and the like: the last two axes.
void swap_matrix_axes(OpExport& op) {
  std::vector<int64_t> permutation = iota(op.info("self").rank());
  std::swap(permutation.at(permutation.size() - 1), permutation.at(permutation.size() - 2));
  op.set_output(permuted(op, op.tensor("self"), permutation));
}

void move_axes(OpExport& op) {
  const int64_t rank = op.info("self").rank();
  std::vector<int64_t> from = op.integers("source"), to = op.integers("destination"), permutation(rank, -1), rest;
  for (size_t i = 0; i < from.size(); ++i) permutation.at(from_start(to[i], rank)) = from_start(from[i], rank);
  for (int64_t axis = 0; axis < rank; ++axis) {
    if (std::find(permutation.begin(), permutation.end(), axis) == permutation.end()) rest.push_back(axis);
  }
  auto next = rest.begin();
  for (int64_t& axis : permutation) {
    if (axis == -1) axis = *next++;
  }
  op.set_output(op.transpose(op.tensor("self"), permutation));
}

void concatenate(OpExport& op) {
  const std::vector<std::string> names = op.tensors("tensors");
  const std::vector<TensorInfo> infos = op.infos("tensors");
  std::vector<std::string> parts;
  for (size_t i = 0; i < names.size(); ++i) {
    // LibTorch lets an empty vector stand for nothing among tensors of any rank.
    const bool is_nothing = infos.at(i).rank() == 1 && infos[i].dims[0] == Dim{0, 0} && op.output().rank() != 1;
    if (!is_nothing) parts.push_back(op.cast(names[i], infos[i].dtype, op.output().dtype));
  }
  if (parts.size() == 1) return op.set_output(parts[0]);
  op.set_output(op.emit("Concat", parts, {{"axis", op.axis("dim", op.output().rank())}}));
}

void stack(OpExport& op) {
  const std::vector<std::string> names = op.tensors("tensors");
  const std::vector<TensorInfo> infos = op.infos("tensors");
  const int64_t axis = op.axis("dim", op.output().rank());
  std::vector<std::string> parts;
  for (size_t i = 0; i < names.size(); ++i) {
    parts.push_back(op.unsqueeze(op.cast(names[i], infos.at(i).dtype, op.output().dtype), {axis}));
  }
  op.set_output(op.emit("Concat", parts, {{"axis", axis}}));
}

// Axes that are there already are named 1, which leaves them as they are, so that only what grows need be known.
void expand(OpExport& op) {
  const std::vector<Dim>&in = op.info("self").dims, &out = op.output().dims;
  if (in == out) return op.set_output(op.tensor("self"));
  std::vector<Dim> shape(out);
  const size_t added = out.size() - in.size();
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == out[i + added]) shape[i + added] = {1, 1};
  }
  op.set_output(op.emit("Expand", {op.tensor("self"), op.sizes(shape)}));
}

// How often each axis is repeated follows from the sizes.
std::string tile(OpExport& op, const std::string& x, std::vector<Dim> in, const std::vector<Dim>& out) {
  std::vector<Dim> leading(out.size() - in.size(), Dim{1, 1});
  std::vector<Dim> from = leading;
  from.insert(from.end(), in.begin(), in.end());
  std::vector<Dim> repeats;
  for (size_t i = 0; i < out.size(); ++i) {
    if (from[i].first == 0 || from[i].second == 0) op.fail("an axis of size 0 is repeated");
    repeats.push_back({out[i].first / from[i].first, out[i].second / from[i].second});
  }
  return op.emit("Tile", {op.reshape(x, in, from), op.sizes(repeats)});
}

void repeat(OpExport& op) { op.set_output(tile(op, op.tensor("self"), op.info("self").dims, op.output().dims)); }

// Each element `repeats` times in a row: an axis of its own behind `dim` is expanded.
void repeat_interleave(OpExport& op) {
  if (!op.has("repeats") || op.is_tensor("repeats")) op.fail("repeats that are a tensor cannot be exported");
  const int64_t repeats = op.integer("repeats");
  std::vector<Dim> dims = op.info("self").dims;
  std::string x = op.tensor("self");
  int64_t axis = 0;
  if (op.has("dim")) {
    axis = op.axis("dim", static_cast<int64_t>(dims.size()));
  } else {
    Dim all{1, 1};
    for (const Dim& dim : dims) all = {all.first * dim.first, all.second * dim.second};
    x = op.reshape(x, dims, {all});
    dims = {all};
  }
  std::vector<Dim> shape(dims.size() + 1, Dim{1, 1}), expanded = dims;
  shape[axis + 1] = {repeats, repeats};
  expanded.insert(expanded.begin() + axis + 1, Dim{repeats, repeats});
  x = op.emit("Expand", {op.unsqueeze(x, {axis + 1}), op.sizes(shape)});
  op.set_output(op.reshape(x, expanded, op.output().dims));
}

void pixel_shuffle(OpExport& op) {
  if (op.info("self").rank() != 4) op.fail("only images with a batch axis (4 dimensions) can be shuffled in ONNX");
  op.set_output(op.emit("DepthToSpace", {op.tensor("self")},
                        {{"blocksize", op.integer("upscale_factor")}, {"mode", std::string("CRD")}}));
}

// [n, c, h r, w r] -> [n, c, h, r, w, r] -> [n, c, r, r, h, w] -> [n, c r r, h, w]
void pixel_unshuffle(OpExport& op) {
  const std::vector<Dim>& in = op.info("self").dims;
  if (in.size() != 4) op.fail("only images with a batch axis (4 dimensions) can be unshuffled in ONNX");
  const int64_t r = op.integer("downscale_factor");
  const Dim block{r, r}, height{in[2].first / r, in[2].second / r}, width{in[3].first / r, in[3].second / r};
  const std::string x = op.reshape(op.tensor("self"), in, {in[0], in[1], height, block, width, block});
  op.set_output(
      op.reshape(op.transpose(x, {0, 1, 3, 5, 2, 4}), {in[0], in[1], block, block, height, width}, op.output().dims));
}

void channel_shuffle(OpExport& op) {
  const std::vector<Dim>& in = op.info("self").dims;
  const int64_t groups = op.integer("groups"), each = in.at(1).first / groups;
  std::vector<Dim> split = {in[0], {groups, groups}, {each, each}}, swapped = {in[0], {each, each}, {groups, groups}};
  split.insert(split.end(), in.begin() + 2, in.end());
  swapped.insert(swapped.end(), in.begin() + 2, in.end());
  std::vector<int64_t> permutation = iota(static_cast<int64_t>(split.size()));
  std::swap(permutation[1], permutation[2]);
  op.set_output(op.reshape(op.transpose(op.reshape(op.tensor("self"), in, split), permutation), swapped, in));
}

}  // namespace

void add_shape_ops(OpTable* table) {
  for (const char* name : {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as",
                           "_unsafe_view", "_reshape_alias", "ravel", "atleast_1d", "atleast_2d", "atleast_3d"}) {
    (*table)[std::string("aten::") + name] = reshape;
  }
  const OpTable ops = {{"aten::permute", permute},
                       {"aten::transpose", transpose},
                       {"aten::swapaxes", transpose},
                       {"aten::swapdims", transpose},
                       {"aten::t", reverse_axes},
                       {"aten::numpy_T", reverse_axes},
                       {"aten::mT", swap_matrix_axes},
                       {"aten::movedim", move_axes},
                       {"aten::moveaxis", move_axes},
                       {"aten::cat", concatenate},
                       {"aten::concat", concatenate},
                       {"aten::stack", stack},
                       {"aten::expand", expand},
                       {"aten::expand_as", expand},
                       {"aten::broadcast_to", expand},
                       {"aten::repeat", repeat},
                       {"aten::tile", repeat},
                       {"aten::repeat_interleave", repeat_interleave},
                       {"aten::pixel_shuffle", pixel_shuffle},
                       {"aten::pixel_unshuffle", pixel_unshuffle},
                       {"aten::channel_shuffle", channel_shuffle}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
