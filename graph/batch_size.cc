#include "graph/batch_size.h"

#include <ATen/core/jit_type.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/status_macros.h"

namespace pare::graph {

namespace {

using Names = std::set<std::string_view>;

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

const Names kViews = {"aten::view", "aten::reshape", "aten::_unsafe_view"};

std::optional<int64_t> known_int(const Value* value) {
  if (value == nullptr || !value->is_constant() || !value->constant().isInt()) return std::nullopt;
  return value->constant().toInt();
}

bool avoids_dimension_0(const Node& node) {
  if (node.op() == "aten::flatten") return known_int(node.argument("start_dim")).value_or(0) != 0;
  if (node.op() == "aten::permute") {
    const Value* dims = node.argument("dims");
    return dims->is_constant() && dims->constant().isIntList() && !dims->constant().toIntVector().empty() &&
           dims->constant().toIntVector()[0] == 0;
  }
  bool found = false;
  for (const char* name : {"dim", "dim0", "dim1"}) {
    const Value* dim = node.argument(name);
    if (dim == nullptr) continue;
    if (!dim->is_constant()) return false;
    found = true;
    if (dim->constant().isInt()) {
      if (dim->constant().toInt() == 0) return false;
    } else if (dim->constant().isIntList()) {
      const auto dims = dim->constant().toIntVector();
      if (dims.empty() || std::find(dims.begin(), dims.end(), 0) != dims.end()) return false;
    } else {
      return false;
    }
  }
  return found;
}

// A shape that an operator is given: its sizes, nullopt where they are computed.
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

class BatchSize {
 public:
  BatchSize(Graph& graph, int64_t example_batch) : graph_(graph), example_batch_(example_batch) {}

  absl::Status run() {
    find_batched();
    // Literals of the pattern [L, -1, ...] must agree, or none of them is the batch.
    std::set<int64_t> literals;
    for (const Node* node : graph_.nodes()) {
      const auto sizes = view_of_batched(*node);
      if (sizes.has_value() && has_free_size(*sizes)) literals.insert(*sizes->front());
    }
    const bool agree = literals.size() == 1 && (example_batch_ == 0 || *literals.begin() == example_batch_);
    for (Node* node : graph_.nodes()) {
      if (const auto sizes = view_of_batched(*node); sizes.has_value()) {
        const bool is_free = has_free_size(*sizes);
        if (is_free && !agree) continue;
        PARE_RETURN_IF_ERROR(set_leading_size(node, 1, !is_free));
      } else if (const int index = expanded_shape(*node); index >= 0 && meets_batched(node->output())) {
        PARE_RETURN_IF_ERROR(set_leading_size(node, static_cast<size_t>(index), false));
      }
    }
    return absl::OkStatus();
  }

 private:
  bool is_batched(const Value* value) const { return batched_.count(value) > 0; }

  void find_batched() {
    for (const Value* input : graph_.inputs()) batched_.insert(input);
    for (const Node* node : graph_.nodes()) {
      if (!keeps_batch(*node)) continue;
      for (const Value* output : node->outputs()) batched_.insert(output);
    }
  }

  bool keeps_batch(const Node& node) const {
    const auto& inputs = node.inputs();
    const auto batched = [this](const Value* value) { return is_batched(value); };
    if (inputs.empty()) return false;
    if (node.op() == "aten::embedding") return is_batched(inputs[1]);
    if (kElementwise.count(node.op()) > 0) return std::any_of(inputs.begin(), inputs.end(), batched);
    if (!is_batched(inputs[0])) return false;
    if (kKeepFirst.count(node.op()) > 0) return true;
    if (kAlongDimension.count(node.op()) > 0) return avoids_dimension_0(node);
    if (kViews.count(node.op()) == 0) return false;
    // Its first size is the batch's, or the batch's times something: it grows with the batch.
    const auto sizes = sizes_in(inputs[1]);
    return sizes.has_value() && !sizes->empty();
  }

  // The sizes of a view with a literal in front, of a value with the batch in dimension 0.
  std::optional<std::vector<std::optional<int64_t>>> view_of_batched(const Node& node) const {
    if (kViews.count(node.op()) == 0 || node.inputs().size() != 2 || !is_batched(node.input(0))) return std::nullopt;
    auto sizes = sizes_in(node.input(1));
    if (!sizes.has_value() || sizes->empty() || sizes->front().value_or(-1) < 1) return std::nullopt;
    return sizes;
  }

  static bool has_free_size(const std::vector<std::optional<int64_t>>& sizes) {
    return std::find(sizes.begin(), sizes.end(), std::optional<int64_t>(-1)) != sizes.end();
  }

  // Which input of an operator that makes a tensor of a given shape is this shape, if it has a literal in front.
  int expanded_shape(const Node& node) const {
    static const Names kMakers = {"aten::zeros",    "aten::ones",     "aten::full",  "aten::new_zeros",
                                  "aten::new_ones", "aten::new_full", "aten::expand"};
    if (kMakers.count(node.op()) == 0) return -1;
    if (node.op() == "aten::expand" && is_batched(node.input(0))) return -1;
    const int index = std::max(node.argument_index("size"), 0);
    const auto sizes = sizes_in(node.input(static_cast<size_t>(index)));
    return sizes.has_value() && !sizes->empty() && sizes->front().value_or(0) >= 1 ? index : -1;
  }

  // Whether it is concatenated with a value that has the batch in dimension 0, along another dimension: it has it too.
  // (An addition says nothing: the value may have fewer dimensions.)
  bool meets_batched(const Value* value) const {
    return std::any_of(value->uses().begin(), value->uses().end(), [&](const Use& use) {
      if (use.user == nullptr || use.user->op() != "prim::ListConstruct") return false;
      const auto& elements = use.user->inputs();
      const auto& uses = use.user->output()->uses();
      return std::any_of(elements.begin(), elements.end(),
                         [&](const Value* other) { return other != value && is_batched(other); }) &&
             std::all_of(uses.begin(), uses.end(), [](const Use& list_use) {
               return list_use.user != nullptr && list_use.user->op() == "aten::cat" &&
                      avoids_dimension_0(*list_use.user);
             });
    });
  }

  absl::Status set_leading_size(Node* node, size_t shape_index, bool is_inferred) {
    const Value* shape = node->input(shape_index);
    const NodePlace place{
        .before = node, .scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()};
    std::vector<Value*> sizes;
    if (shape->is_constant()) {
      for (const int64_t size : shape->constant().toIntVector()) sizes.push_back(graph_.add_constant(size));
    } else {
      sizes = shape->producer()->inputs();
    }
    if (is_inferred) {
      sizes[0] = graph_.add_constant(-1);
    } else {
      PARE_ASSIGN_OR_RETURN(
          Node * size, graph_.add_operator("aten::size", "int", {graph_.inputs()[0], graph_.add_constant(0)}, place));
      sizes[0] = size->output();
    }
    const bool all_known =
        std::all_of(sizes.begin(), sizes.end(), [](const Value* size) { return size->is_constant(); });
    if (all_known) {
      std::vector<int64_t> numbers;
      for (const Value* size : sizes) numbers.push_back(size->constant().toInt());
      return graph_.set_input(node, shape_index, graph_.add_constant(numbers));
    }
    PARE_ASSIGN_OR_RETURN(Node * list,
                          graph_.add_structure("prim::ListConstruct", sizes, 1, place, c10::IntType::get()));
    return graph_.set_input(node, shape_index, list->output());
  }

  Graph& graph_;
  const int64_t example_batch_;
  std::set<const Value*> batched_;
};

}  // namespace

absl::Status free_batch_size(Graph& graph, int64_t example_batch) {
  if (graph.inputs().empty()) return absl::OkStatus();
  return BatchSize(graph, example_batch).run();
}

}  // namespace pare::graph
