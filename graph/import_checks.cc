#include "graph/import_checks.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/status_macros.h"

namespace pare::graph {

namespace {

bool is_one_of(const Node& node, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), node.op()) != names.end();
}

class Checks {
 public:
  Checks(Graph& graph, ExampleRun& examples) : graph_(graph), examples_(examples) {}

  // What a number, or a list of numbers, was computed from.
  absl::Status follow_number(const Value* value) {
    if (!seen_.insert({value, Asked::kNumber}).second || value->producer() == nullptr) return absl::OkStatus();
    const Node& node = *value->producer();
    if (is_one_of(node, {"aten::size", "aten::stride"})) return follow_size(node);
    if (is_one_of(node, {"aten::dim", "aten::len"})) return follow_rank(node.input(0));
    if (is_one_of(node, {"aten::numel"})) return follow_shape(node.input(0));
    // What a tensor is, whatever its shape.
    if (is_one_of(node, {"prim::dtype", "prim::device", "prim::layout", "prim::is_cuda", "prim::requires_grad",
                         "aten::is_floating_point", "aten::is_complex"})) {
      return absl::OkStatus();
    }
    for (const Value* input : node.inputs()) PARE_RETURN_IF_ERROR(follow_number(input));
    return absl::OkStatus();
  }

  absl::Status follow_rank(const Value* value) {
    if (!seen_.insert({value, Asked::kRank}).second) return absl::OkStatus();
    if (value->kind() == Value::Kind::kInput) return check(value, SizeCheck::kRank);
    if (value->producer() == nullptr) return absl::OkStatus();
    for (const Value* input : value->producer()->inputs()) PARE_RETURN_IF_ERROR(follow_rank(input));
    return absl::OkStatus();
  }

 private:
  enum class Asked { kNumber, kRank, kShape };

  absl::Status follow_size(const Node& node) {
    const Value* tensor = node.input(0);
    const bool is_of_input = tensor->kind() == Value::Kind::kInput;
    const bool is_one = node.inputs().size() == 2 && node.input(1)->is_constant() && node.input(1)->constant().isInt();
    if (!is_of_input || !is_one) return follow_shape(tensor);
    int64_t dimension = node.input(1)->constant().toInt();
    if (dimension < 0) {
      PARE_ASSIGN_OR_RETURN(const std::optional<at::Tensor> example, example_of(tensor));
      if (!example.has_value()) return absl::OkStatus();
      dimension += example->dim();
    }
    return check(tensor, dimension);
  }

  absl::Status follow_shape(const Value* value) {
    if (!seen_.insert({value, Asked::kShape}).second) return absl::OkStatus();
    if (value->kind() == Value::Kind::kInput) {
      PARE_RETURN_IF_ERROR(check(value, SizeCheck::kRank));
      PARE_ASSIGN_OR_RETURN(const std::optional<at::Tensor> example, example_of(value));
      for (int64_t i = 1; example.has_value() && i < example->dim(); ++i) PARE_RETURN_IF_ERROR(check(value, i));
      return absl::OkStatus();
    }
    if (value->producer() == nullptr) return absl::OkStatus();
    for (const Value* input : value->producer()->inputs()) PARE_RETURN_IF_ERROR(follow_shape(input));
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<at::Tensor>> example_of(const Value* input) {
    PARE_ASSIGN_OR_RETURN(const auto values, examples_.values(input));
    if (!values.has_value() || !values->front().isTensor()) return std::optional<at::Tensor>();
    return std::optional<at::Tensor>(values->front().toTensor());
  }

  absl::Status check(const Value* input, int64_t dimension) {
    PARE_ASSIGN_OR_RETURN(const std::optional<at::Tensor> example, example_of(input));
    if (!example.has_value()) return absl::OkStatus();
    if (dimension == SizeCheck::kRank) {
      graph_.add_size_check({input, SizeCheck::kRank, example->dim()});
      return absl::OkStatus();
    }
    // The batch: the examples have batches of two sizes, and agree.
    if (dimension <= 0 || dimension >= example->dim()) return absl::OkStatus();
    graph_.add_size_check({input, dimension, example->size(dimension)});
    return absl::OkStatus();
  }

  Graph& graph_;
  ExampleRun& examples_;
  std::set<std::pair<const Value*, Asked>> seen_;
};

}  // namespace

absl::Status add_size_checks(Graph& graph, const Value* decided, ExampleRun& examples) {
  return Checks(graph, examples).follow_number(decided);
}

absl::Status add_rank_checks(Graph& graph, const Value* tensor, ExampleRun& examples) {
  return Checks(graph, examples).follow_rank(tensor);
}

}  // namespace pare::graph
