#include "graph/batch_flow.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/jit_type.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace pare::graph {

namespace {

using Names = std::set<std::string_view>;
using Rank = std::optional<int64_t>;

// Dimension 0 of the result is that of the first input.
const Names kKeepFirst = {
    "aten::conv1d",
    "aten::conv2d",
    "aten::conv3d",
    "aten::conv_transpose1d",
    "aten::conv_transpose2d",
    "aten::conv_transpose3d",
    "aten::linear",
    "aten::batch_norm",
    "aten::instance_norm",
    "aten::group_norm",
    "aten::layer_norm",
    "aten::relu",
    "aten::relu6",
    "aten::leaky_relu",
    "aten::elu",
    "aten::selu",
    "aten::celu",
    "aten::gelu",
    "aten::silu",
    "aten::mish",
    "aten::hardtanh",
    "aten::hardswish",
    "aten::hardsigmoid",
    "aten::sigmoid",
    "aten::tanh",
    "aten::softplus",
    "aten::prelu",
    "aten::glu",
    "aten::softmax",
    "aten::log_softmax",
    "aten::max_pool1d",
    "aten::max_pool2d",
    "aten::max_pool3d",
    "aten::avg_pool1d",
    "aten::avg_pool2d",
    "aten::avg_pool3d",
    "aten::adaptive_avg_pool1d",
    "aten::adaptive_avg_pool2d",
    "aten::adaptive_avg_pool3d",
    "aten::adaptive_max_pool2d",
    "aten::dropout",
    "aten::feature_dropout",
    "aten::alpha_dropout",
    "aten::feature_alpha_dropout",
    "aten::contiguous",
    "aten::to",
    "aten::clone",
    "aten::detach",
    "aten::type_as",
    "aten::pad",
    "aten::constant_pad_nd",
    "aten::reflection_pad2d",
    "aten::replication_pad2d",
    "aten::upsample_nearest2d",
    "aten::upsample_bilinear2d",
    "aten::upsample_bicubic2d",
    "aten::pixel_shuffle",
    "aten::pixel_unshuffle",
    "aten::channel_shuffle",
    "aten::masked_fill",
    "aten::clamp",
    "aten::clamp_min",
    "aten::clamp_max",
    "aten::pow",
    "aten::exp",
    "aten::log",
    "aten::sqrt",
    "aten::rsqrt",
    "aten::abs",
    "aten::neg",
    "aten::square",
    "aten::reciprocal",
    "aten::matmul",
    "aten::bmm",
    "aten::baddbmm",
    "aten::roll",
    "aten::cumsum",
    "aten::sin",
    "aten::cos",
    "aten::erf",
    "aten::sign",
    "aten::floor",
    "aten::ceil",
    "aten::round",
    "aten::rrelu",
    "prim::ListUnpack",
    "aten::__getitem__",
};

// The same for every input of the same shape.
const Names kElementwise = {
    "aten::add",
    "aten::sub",
    "aten::rsub",
    "aten::mul",
    "aten::div",
    "aten::maximum",
    "aten::minimum",
    "aten::where",
    "aten::eq",
    "aten::ne",
    "aten::lt",
    "aten::le",
    "aten::gt",
    "aten::ge",
    "aten::logical_and",
    "aten::logical_or",
    "prim::ListConstruct",
};

// The same if their argument `dim` (or dim0 and dim1) does not name dimension 0.
const Names kAlongDimension = {
    "aten::select",       "aten::slice",     "aten::narrow",  "aten::unbind",
    "aten::chunk",        "aten::split",     "aten::squeeze", "aten::split_with_sizes",
    "aten::unsqueeze",    "aten::transpose", "aten::mean",    "aten::sum",
    "aten::amax",         "aten::amin",      "aten::cat",     "aten::stack",
    "aten::index_select", "aten::max",       "aten::min",     "aten::logsumexp",
    "aten::norm",         "aten::flatten",   "aten::permute",
};

// Of these, the number of dimensions is another than the first input's, or it is not certain.
const Names kOtherRank = {"aten::matmul", "prim::ListUnpack", "aten::__getitem__"};

// Those of kAlongDimension that keep the number of dimensions.
const Names kSameRank = {"aten::slice", "aten::narrow",       "aten::chunk", "aten::split",   "aten::split_with_sizes",
                         "aten::cat",   "aten::index_select", "aten::roll",  "aten::permute", "aten::transpose"};

const Names kReductions = {"aten::mean", "aten::sum", "aten::amax", "aten::amin", "aten::logsumexp", "aten::norm"};

std::optional<int64_t> known_int(const Value* value) {
  if (value == nullptr || !value->is_constant() || !value->constant().isInt()) return std::nullopt;
  return value->constant().toInt();
}

Rank plus(Rank rank, int64_t more) { return rank.has_value() ? Rank(*rank + more) : rank; }

}  // namespace

bool is_view(const Node& node) {
  return node.op() == "aten::view" || node.op() == "aten::reshape" || node.op() == "aten::_unsafe_view";
}

std::optional<std::vector<std::optional<int64_t>>> sizes_in(const Value* shape) {
  std::vector<std::optional<int64_t>> sizes;
  if (shape->is_constant() && shape->constant().isIntList()) {
    for (const int64_t size : shape->constant().toIntVector()) sizes.emplace_back(size);
    return sizes;
  }
  if (shape->producer() == nullptr || shape->producer()->op() != "prim::ListConstruct") return std::nullopt;
  for (const Value* size : shape->producer()->inputs()) sizes.push_back(known_int(size));
  return sizes;
}

BatchFlow::BatchFlow(const Graph& graph, const std::vector<std::vector<int64_t>>& input_shapes) {
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    batched_.insert(graph.inputs()[i]);
    if (i < input_shapes.size()) ranks_[graph.inputs()[i]] = static_cast<int64_t>(input_shapes[i].size());
  }
  for (const Node* node : graph.nodes()) {
    const Rank rank = rank_of_result(*node);
    const bool is_batched = keeps_batch(*node);
    for (const Value* output : node->outputs()) {
      if (rank.has_value()) ranks_[output] = *rank;
      if (is_batched) batched_.insert(output);
    }
  }
}

Rank BatchFlow::rank(const Value* value) const {
  if (value->is_parameter() || value->is_buffer()) return value->tensor().dim();
  if (value->is_constant()) {
    if (!value->constant().isTensor()) return value->constant().isScalar() ? Rank(0) : std::nullopt;
    return value->constant().toTensor().defined() ? Rank(value->constant().toTensor().dim()) : std::nullopt;
  }
  const auto found = ranks_.find(value);
  return found == ranks_.end() ? std::nullopt : Rank(found->second);
}

bool BatchFlow::avoids_dimension_0(const Node& node) const {
  if (node.op() == "aten::flatten") return known_int(node.argument("start_dim")).value_or(0) > 0;
  if (node.op() == "aten::permute") {
    const Value* dims = node.argument("dims");
    return dims->is_constant() && dims->constant().isIntList() && !dims->constant().toIntVector().empty() &&
           dims->constant().toIntVector()[0] == 0;
  }
  Rank dimensions = rank(node.input(0));
  if (node.op() == "aten::unsqueeze" || node.op() == "aten::stack") dimensions = plus(dimensions, 1);
  // From the end, it is another dimension than the first if there are that many.
  const auto avoids = [&](int64_t dim) {
    return dim > 0 || (dim < 0 && dimensions.has_value() && *dimensions + dim > 0);
  };
  bool found = false;
  for (const char* name : {"dim", "dim0", "dim1"}) {
    const Value* dim = node.argument(name);
    if (dim == nullptr) continue;
    if (!dim->is_constant()) return false;
    found = true;
    if (dim->constant().isInt()) {
      if (!avoids(dim->constant().toInt())) return false;
    } else if (dim->constant().isIntList()) {
      const auto dims = dim->constant().toIntVector();
      if (dims.empty() || !std::all_of(dims.begin(), dims.end(), avoids)) return false;
    } else {
      return false;
    }
  }
  return found;
}

bool BatchFlow::keeps_batch(const Node& node) const {
  const auto& inputs = node.inputs();
  const auto batched = [this](const Value* value) { return has_batch(value); };
  if (inputs.empty()) return false;
  if (node.op() == "aten::embedding") return has_batch(inputs[1]);
  if (kElementwise.count(node.op()) > 0) return std::any_of(inputs.begin(), inputs.end(), batched);
  if (!has_batch(inputs[0])) return false;
  if (kKeepFirst.count(node.op()) > 0) return true;
  if (kAlongDimension.count(node.op()) > 0) return avoids_dimension_0(node);
  if (!is_view(node)) return false;
  // Its first size is the batch's, or the batch's times something: it grows with the batch.
  const auto sizes = sizes_in(inputs[1]);
  return sizes.has_value() && !sizes->empty();
}

Rank BatchFlow::rank_of_result(const Node& node) const {
  const std::string& op = node.op();
  if (node.inputs().empty()) return std::nullopt;
  if (is_view(node)) {
    const auto sizes = sizes_in(node.input(1));
    return sizes.has_value() ? Rank(static_cast<int64_t>(sizes->size())) : std::nullopt;
  }
  for (int64_t dimensions = 1; dimensions <= 3; ++dimensions) {
    const std::string suffix = std::to_string(dimensions) + "d";
    // The batch is there: such a layer also takes a single image, but not in a model whose inputs have a batch.
    if (op == "aten::conv" + suffix || op == "aten::conv_transpose" + suffix) return dimensions + 2;
  }
  const Rank first = rank(node.input(0));
  if (op == "aten::embedding") return plus(rank(node.input(1)), 1);
  if (op == "prim::ListConstruct" || kSameRank.count(op) > 0 || op == "prim::ListUnpack") return first;
  if (op == "aten::select" || op == "aten::unbind") return plus(first, -1);
  if (op == "aten::unsqueeze" || op == "aten::stack") return plus(first, 1);
  if (op == "aten::flatten") {
    return known_int(node.argument("start_dim")) == 1 && known_int(node.argument("end_dim")) == -1 ? Rank(2)
                                                                                                   : std::nullopt;
  }
  if (kReductions.count(op) > 0) {
    const Value* keep = node.argument("keepdim");
    const bool keeps = keep != nullptr && keep->is_constant() && keep->constant().isBool() && keep->constant().toBool();
    return keeps ? first : std::nullopt;
  }
  if (op == "aten::matmul" || kElementwise.count(op) > 0) {
    Rank most = 0;
    for (size_t i = 0; i < node.inputs().size(); ++i) {
      if (node.schema() == nullptr || !node.schema()->arguments()[i].type()->isSubtypeOf(*c10::TensorType::get())) {
        continue;
      }
      const Rank each = rank(node.input(i));
      if (!each.has_value() || (op == "aten::matmul" && *each < 2)) return std::nullopt;
      most = std::max(*most, *each);
    }
    return most;
  }
  return kKeepFirst.count(op) > 0 && kOtherRank.count(op) == 0 ? first : std::nullopt;
}

}  // namespace pare::graph
