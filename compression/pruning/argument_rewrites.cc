#include "compression/pruning/argument_rewrites.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "compression/analysis/operator_traits.h"

namespace pare::pruning {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

struct Rewrite {
  Graph& graph;
  Node* node;
  const ChannelLabels& labels;
  const Cut& cut;

  const TensorLabels* in() const { return labels.tensor(node->input(0)); }
  const TensorLabels* out() const { return labels.tensor(node->output()); }

  std::optional<int64_t> integer(const char* argument) const {
    const Value* value = node->argument(argument);
    if (value == nullptr || !value->is_constant() || !value->constant().isInt()) return std::nullopt;
    return value->constant().toInt();
  }

  size_t axis(size_t rank) const {
    const int64_t dim = integer("dim").value_or(0);
    return static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(rank) : dim);
  }

  // A constant of the node's own: others may share the present one.
  absl::Status set(const char* argument, c10::IValue value) const {
    const int index = node->argument_index(argument);
    return graph.set_input(node, static_cast<size_t>(index), graph.add_constant(std::move(value)));
  }
};

absl::Status rewrite_groups(const Rewrite& rewrite) {
  const TensorLabels* x = rewrite.in();
  const TensorLabels* weight = rewrite.labels.tensor(rewrite.node->argument("weight"));
  const std::optional<int64_t> groups = rewrite.integer("groups");
  if (x == nullptr || weight == nullptr || groups.value_or(1) == 1) return absl::OkStatus();
  const size_t channel_axis = x->rank() + 1 - weight->rank();
  const bool is_depthwise = x->shape[channel_axis] == *groups && !is_transposed_convolution(*rewrite.node);
  if (!is_depthwise || !rewrite.cut.touches(x->axes[channel_axis])) return absl::OkStatus();
  return rewrite.set("groups", rewrite.cut.kept(x->axes[channel_axis]));
}

// The size of each axis in a list: constants are replaced, -1 and what is computed follow by themselves.
absl::Status rewrite_sizes(const Rewrite& rewrite, const char* argument, size_t first_axis) {
  const TensorLabels* out = rewrite.out();
  const int index = rewrite.node->argument_index(argument);
  if (out == nullptr || index < 0 || !rewrite.cut.touches(*out)) return absl::OkStatus();
  const auto size_of = [&](size_t position) -> std::optional<int64_t> {
    const size_t axis = first_axis + position;
    if (axis >= out->rank() || !rewrite.cut.touches(out->axes[axis])) return std::nullopt;
    return rewrite.cut.kept(out->axes[axis]);
  };
  Value* list = rewrite.node->input(static_cast<size_t>(index));
  if (list->is_constant() && list->constant().isIntList()) {
    std::vector<int64_t> sizes = list->constant().toIntVector();
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] >= 0) sizes[i] = size_of(i).value_or(sizes[i]);
    }
    return rewrite.set(argument, std::move(sizes));
  }
  const Node* construct = list->producer();
  if (construct == nullptr || construct->op() != "prim::ListConstruct") return absl::OkStatus();
  std::vector<Value*> elements = construct->inputs();
  for (size_t i = 0; i < elements.size(); ++i) {
    if (!elements[i]->is_constant() || !elements[i]->constant().isInt() || elements[i]->constant().toInt() < 0)
      continue;
    if (const auto size = size_of(i)) elements[i] = rewrite.graph.add_constant(*size);
  }
  PARE_ASSIGN_OR_RETURN(Node * made, rewrite.graph.add_structure("prim::ListConstruct", std::move(elements), 1,
                                                                 {.before = rewrite.node, .scope = construct->scope()},
                                                                 construct->element_type()));
  return rewrite.graph.set_input(rewrite.node, static_cast<size_t>(index), made->output());
}

absl::Status rewrite_view(const Rewrite& rewrite) {
  return rewrite_sizes(rewrite, rewrite.node->argument_index("size") >= 0 ? "size" : "shape", 0);
}

absl::Status rewrite_unflatten(const Rewrite& rewrite) {
  const TensorLabels* x = rewrite.in();
  return x == nullptr ? absl::OkStatus() : rewrite_sizes(rewrite, "sizes", rewrite.axis(x->rank()));
}

absl::Status rewrite_split(const Rewrite& rewrite) {
  const TensorLabels* x = rewrite.in();
  const std::vector<TensorLabels>* parts = rewrite.labels.list(rewrite.node->output());
  if (x == nullptr || parts == nullptr) return absl::OkStatus();
  const size_t axis = rewrite.axis(x->rank());
  if (!rewrite.cut.touches(x->axes[axis])) return absl::OkStatus();
  std::vector<int64_t> sizes;
  for (const TensorLabels& part : *parts) {
    const Axis& each = part.axes[axis];
    sizes.push_back(each.is_labelled() ? rewrite.cut.kept(each) : part.shape[axis]);
  }
  Graph& graph = rewrite.graph;
  Node* node = rewrite.node;
  PARE_ASSIGN_OR_RETURN(
      Node * split,
      graph.add_operator(
          "aten::split_with_sizes", "",
          {node->input(0), graph.add_constant(std::move(sizes)), graph.add_constant(static_cast<int64_t>(axis))},
          {.before = node, .scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()}));
  PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), split->output()));
  return graph.remove(node);
}

absl::Status rewrite_slice(const Rewrite& rewrite) {
  const TensorLabels *x = rewrite.in(), *out = rewrite.out();
  if (x == nullptr || out == nullptr) return absl::OkStatus();
  const size_t axis = rewrite.axis(x->rank());
  if (!rewrite.cut.touches(x->axes[axis])) return absl::OkStatus();
  const int64_t size = x->shape[axis];
  int64_t start = rewrite.integer("start").value_or(0);
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  const auto begin = static_cast<size_t>(start), end = begin + static_cast<size_t>(out->shape[axis]);
  const int64_t first = rewrite.cut.kept(x->axes[axis], 0, begin);
  const int64_t length = rewrite.cut.kept(x->axes[axis], begin, end);
  PARE_RETURN_IF_ERROR(rewrite.set("start", first));
  if (rewrite.node->argument_index("length") >= 0) return rewrite.set("length", length);
  return rewrite.set("end", first + length);
}

absl::Status rewrite_pad(const Rewrite& rewrite) {
  const TensorLabels *x = rewrite.in(), *out = rewrite.out();
  const Value* argument = rewrite.node->argument("pad");
  if (x == nullptr || out == nullptr || argument == nullptr || !rewrite.cut.touches(*out)) return absl::OkStatus();
  std::vector<int64_t> pads = argument->constant().toIntVector();
  for (size_t axis = 0; axis < x->rank(); ++axis) {
    const size_t from_end = 2 * (x->rank() - 1 - axis);
    const Axis& padded = out->axes[axis];
    if (from_end + 1 >= pads.size() || !rewrite.cut.touches(padded)) continue;
    const auto before = static_cast<size_t>(pads[from_end]), after = static_cast<size_t>(pads[from_end + 1]);
    const size_t size = padded.labels.size();
    pads[from_end] = rewrite.cut.kept(padded, 0, before);
    pads[from_end + 1] = rewrite.cut.kept(padded, size - after, size);
  }
  return rewrite.set("pad", std::move(pads));
}

using Rewrites = std::map<std::string, std::function<absl::Status(const Rewrite&)>, std::less<>>;

const Rewrites& rewrites() {
  static const Rewrites* made = [] {
    auto* table = new Rewrites;
    for (const char* name :
         {"aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::_convolution", "aten::convolution"}) {
      (*table)[name] = rewrite_groups;
    }
    for (const char* name : {"aten::view", "aten::reshape", "aten::_unsafe_view", "aten::expand"}) {
      (*table)[name] = rewrite_view;
    }
    (*table)["aten::unflatten"] = rewrite_unflatten;
    for (const char* name : {"aten::split", "aten::split_with_sizes", "aten::chunk", "aten::unsafe_split",
                             "aten::unsafe_split_with_sizes", "aten::unsafe_chunk"}) {
      (*table)[name] = rewrite_split;
    }
    (*table)["aten::slice"] = rewrite_slice;
    (*table)["aten::narrow"] = rewrite_slice;
    (*table)["aten::constant_pad_nd"] = rewrite_pad;
    (*table)["aten::pad"] = rewrite_pad;
    return table;
  }();
  return *made;
}

}  // namespace

int64_t Cut::kept(const Axis& axis, size_t begin, size_t end) const {
  return std::count_if(axis.labels.begin() + static_cast<std::ptrdiff_t>(begin),
                       axis.labels.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](Label label) { return !removes(label); });
}

bool Cut::touches(const TensorLabels& tensor) const {
  return std::any_of(tensor.axes.begin(), tensor.axes.end(), [&](const Axis& axis) { return touches(axis); });
}

absl::Status rewrite_arguments(Graph& graph, Node* node, const ChannelLabels& labels, const Cut& cut) {
  const auto found = rewrites().find(node->op());
  return found == rewrites().end() ? absl::OkStatus() : found->second({graph, node, labels, cut});
}

}  // namespace pare::pruning
