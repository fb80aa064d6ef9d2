#include "graph/simplify.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::graph {

namespace {

bool is_int(const Value* value, int64_t number) {
  return value->is_constant() && value->constant().isInt() && value->constant().toInt() == number;
}

bool is_whole_slice(const Node& node) {
  if (node.op() != "aten::slice" || node.overload() != "Tensor") return false;
  const Value* start = node.argument("start");
  const Value* end = node.argument("end");
  return (start->is_none() || is_int(start, 0)) &&
         (end->is_none() || is_int(end, std::numeric_limits<int64_t>::max())) && is_int(node.argument("step"), 1);
}

absl::Status replace_convolution(Graph& graph, Node* node) {
  const Value* transposed = node->argument("transposed");
  const Value* stride = node->argument("stride");
  if (!transposed->is_constant() || !stride->is_constant() || !stride->constant().isIntList()) return absl::OkStatus();
  // The weight tells for certain: a stride of one number is good for all dimensions.
  const Value* weight = node->argument("weight");
  int64_t dimensions = static_cast<int64_t>(stride->constant().toIntVector().size());
  if (weight->is_parameter() || weight->is_buffer()) {
    dimensions = weight->tensor().dim() - 2;
  } else if (weight->is_constant() && weight->constant().isTensor()) {
    dimensions = weight->constant().toTensor().dim() - 2;
  }
  if (dimensions < 1 || dimensions > 3) return absl::OkStatus();
  const bool is_transposed = transposed->constant().toBool();
  std::vector<const char*> arguments = {"input", "weight", "bias", "stride", "padding", "dilation", "groups"};
  if (is_transposed) {
    arguments = {"input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"};
  }
  std::vector<Value*> inputs;
  for (const char* argument : arguments) inputs.push_back(node->argument(argument));
  NodePlace place{.before = node, .scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()};
  PARE_ASSIGN_OR_RETURN(
      Node * convolution,
      graph.add_operator(absl::StrCat(is_transposed ? "aten::conv_transpose" : "aten::conv", dimensions, "d"),
                         is_transposed && dimensions > 1 ? "input" : "", std::move(inputs), place));
  PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), convolution->output()));
  return graph.remove(node);
}

// What a trace holds of a convolution whose padding has a name ("same"): aten::convNd's overload for it has the same
// arguments.
absl::Status replace_convolution_mode(Graph& graph, Node* node) {
  const Value* weight = node->argument("weight");
  const bool is_known = weight->is_parameter() || weight->is_buffer();
  const int64_t dimensions = is_known ? weight->tensor().dim() - 2 : 0;
  if (dimensions < 1 || dimensions > 3) return absl::OkStatus();
  NodePlace place{.before = node, .scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()};
  PARE_ASSIGN_OR_RETURN(Node * convolution, graph.add_operator(absl::StrCat("aten::conv", dimensions, "d"), "padding",
                                                               node->inputs(), place));
  PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), convolution->output()));
  return graph.remove(node);
}

// The matrix that `value` is the transpose of, if it is a parameter's; nullptr otherwise.
Value* transposed_weight(const Value* value) {
  const Node* node = value->producer();
  if (node == nullptr || !node->input(0)->is_parameter() || node->input(0)->tensor().dim() != 2) return nullptr;
  const bool is_transpose =
      node->op() == "aten::transpose" && ((is_int(node->input(1), 0) && is_int(node->input(2), 1)) ||
                                          (is_int(node->input(1), -2) && is_int(node->input(2), -1)) ||
                                          (is_int(node->input(1), 1) && is_int(node->input(2), 0)) ||
                                          (is_int(node->input(1), -1) && is_int(node->input(2), -2)));
  return node->op() == "aten::t" || is_transpose ? node->input(0) : nullptr;
}

bool is_bias_of(const Value* bias, const Value* weight) {
  return bias->is_parameter() && bias->tensor().dim() == 1 && bias->tensor().size(0) == weight->tensor().size(0);
}

absl::Status replace_by_linear(Graph& graph, Node* node, const Node* named_by, Value* input, Value* weight,
                               Value* bias) {
  NodePlace place{
      .before = node, .scope = named_by->scope(), .scope_types = named_by->scope_types(), .source = named_by->source()};
  PARE_ASSIGN_OR_RETURN(Node * linear, graph.add_operator("aten::linear", "", {input, weight, bias}, place));
  PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), linear->output()));
  return graph.remove(node);
}

// `bias` + matmul(x, t(weight)), if `node` is that.
absl::Status join_addition(Graph& graph, Node* node) {
  for (size_t i = 0; i < 2; ++i) {
    Node* product = node->input(i)->producer();
    Value* bias = node->input(1 - i);
    if (product == nullptr || product->op() != "aten::matmul" || product->output()->uses().size() != 1) continue;
    Value* weight = transposed_weight(product->input(1));
    if (weight == nullptr || !is_bias_of(bias, weight)) continue;
    PARE_RETURN_IF_ERROR(
        replace_by_linear(graph, node, product->input(1)->producer(), product->input(0), weight, bias));
    return graph.remove(product);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status join_linear(Graph& graph) {
  for (Node* node : graph.nodes()) {
    if (node->op() == "aten::add" && node->overload() == "Tensor" && is_int(node->input(2), 1)) {
      PARE_RETURN_IF_ERROR(join_addition(graph, node));
    } else if (node->op() == "aten::addmm" && node->overload().empty() && is_int(node->input(3), 1) &&
               is_int(node->input(4), 1)) {
      Value* weight = transposed_weight(node->input(2));
      if (weight == nullptr || !is_bias_of(node->input(0), weight)) continue;
      PARE_RETURN_IF_ERROR(replace_by_linear(graph, node, node, node->input(1), weight, node->input(0)));
    }
  }
  // Those without a bias, once those with one are gone.
  for (Node* node : graph.nodes()) {
    if (node->op() != "aten::matmul") continue;
    Value* weight = transposed_weight(node->input(1));
    if (weight == nullptr) continue;
    PARE_RETURN_IF_ERROR(
        replace_by_linear(graph, node, node->input(1)->producer(), node->input(0), weight, graph.add_constant({})));
  }
  return absl::OkStatus();
}

absl::Status simplify(Graph& graph) {
  for (Node* node : graph.nodes()) {
    if (is_whole_slice(*node)) {
      PARE_RETURN_IF_ERROR(graph.replace_uses(node->output(), node->input(0)));
      PARE_RETURN_IF_ERROR(graph.remove(node));
    } else if (node->op() == "aten::_convolution") {
      PARE_RETURN_IF_ERROR(replace_convolution(graph, node));
    } else if (node->op() == "aten::_convolution_mode") {
      PARE_RETURN_IF_ERROR(replace_convolution_mode(graph, node));
    }
  }
  return absl::OkStatus();
}

}  // namespace pare::graph
