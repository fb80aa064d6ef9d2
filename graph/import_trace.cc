#include "graph/import_trace.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/remainder.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::graph {

namespace {

absl::Status differs(const torch::jit::Node* node, const char* what) {
  return absl::UnimplementedError(absl::StrCat(
      "the module's computation depends on the size of the batch: ", what, " of operator ", node->kind().toQualString(),
      " is another with one more row, and not a multiple of the batch; one graph cannot hold both"));
}

bool is_same_constant(const c10::IValue& first, const c10::IValue& second) {
  if (first.isTensor() && second.isTensor()) {
    const at::Tensor &a = first.toTensor(), &b = second.toTensor();
    if (!a.defined() || !b.defined()) return a.defined() == b.defined();
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.device() == b.device() && at::equal(a, b);
  }
  if (first.tagKind() != second.tagKind()) return false;
  if (first.isDouble() && second.isDouble()) {
    const double a = first.toDouble(), b = second.toDouble();
    return a == b || (a != a && b != b);
  }
  return first == second;
}

// Compares node by node.
class Comparison {
 public:
  explicit Comparison(int64_t batch) : batch_(batch) {}

  absl::Status compare(const torch::jit::Graph& first, const torch::jit::Graph& second) {
    for (size_t i = 0; i < first.inputs().size(); ++i) partner_[first.inputs()[i]] = second.inputs()[i];
    auto other = second.nodes().begin();
    for (const torch::jit::Node* node : first.nodes()) {
      if (other == second.nodes().end()) return differs(node, "the presence");
      PARE_RETURN_IF_ERROR(compare_nodes(node, *other));
      ++other;
    }
    if (other != second.nodes().end()) return differs(*other, "the presence");
    return absl::OkStatus();
  }

  std::vector<BatchLiteral> take_literals() { return std::move(literals_); }

 private:
  absl::Status compare_nodes(const torch::jit::Node* node, const torch::jit::Node* other) {
    if (node->kind() != other->kind() || node->inputs().size() != other->inputs().size() ||
        node->outputs().size() != other->outputs().size() || !node->blocks().empty()) {
      return differs(node, "the presence");
    }
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      if (partner_[node->input(i)] != other->input(i)) return differs(node, "an input");
    }
    for (size_t i = 0; i < node->outputs().size(); ++i) partner_[node->output(i)] = other->output(i);
    if (node->kind() != torch::jit::prim::Constant) return absl::OkStatus();
    const auto a = torch::jit::toIValue(node->output()), b = torch::jit::toIValue(other->output());
    if (!a.has_value() || !b.has_value()) return differs(node, "a constant");
    return compare_constants(node, *a, *b);
  }

  absl::Status compare_constants(const torch::jit::Node* node, const c10::IValue& a, const c10::IValue& b) {
    if (is_same_constant(a, b)) return absl::OkStatus();
    const torch::jit::Node* user = node->output()->uses().empty() ? node : node->output()->uses()[0].user;
    if (a.isInt() && b.isInt()) return compare_ints(user, node->output(), -1, a.toInt(), b.toInt());
    if (a.isIntList() && b.isIntList() && a.toIntVector().size() == b.toIntVector().size()) {
      const auto first = a.toIntVector(), second = b.toIntVector();
      for (size_t i = 0; i < first.size(); ++i) {
        PARE_RETURN_IF_ERROR(compare_ints(user, node->output(), static_cast<int64_t>(i), first[i], second[i]));
      }
      return absl::OkStatus();
    }
    return differs(user, "a constant");
  }

  absl::Status compare_ints(const torch::jit::Node* user, const torch::jit::Value* value, int64_t element,
                            int64_t first, int64_t second) {
    if (first == second) return absl::OkStatus();
    const int64_t factor = second - first;
    if (factor * batch_ != first) return differs(user, "a size");
    literals_.push_back({value, element, factor});
    return absl::OkStatus();
  }

  const int64_t batch_;
  std::unordered_map<const torch::jit::Value*, const torch::jit::Value*> partner_;
  std::vector<BatchLiteral> literals_;
};

// The innermost module that holds both.
std::string common_module(const std::string& a, const std::string& b) {
  if (a == b) return a;
  const std::vector<std::string> first = absl::StrSplit(a, '.'), second = absl::StrSplit(b, '.');
  std::string common;
  for (size_t i = 0; i < std::min(first.size(), second.size()) && first[i] == second[i]; ++i) {
    absl::StrAppend(&common, common.empty() ? "" : ".", first[i]);
  }
  return common;
}

std::string module_of(const std::string& tensor_name) {
  const size_t dot = tensor_name.rfind('.');
  return dot == std::string::npos ? "" : tensor_name.substr(0, dot);
}

}  // namespace

absl::StatusOr<Recording> record(const ForwardFunction& forward, const std::vector<at::Tensor>& inputs,
                                 const NamedTensors& tensors) {
  torch::jit::Stack stack(inputs.begin(), inputs.end());
  for (const auto& [name, tensor] : tensors) stack.emplace_back(tensor);
  return guard_torch("tracing the module", [&] {
    at::NoGradGuard no_grad;
    Recording recording;
    const auto traced = torch::jit::tracer::trace(
        std::move(stack),
        [&](torch::jit::Stack given) -> torch::jit::Stack {
          std::vector<at::Tensor> examples;
          for (size_t i = 0; i < inputs.size(); ++i) examples.push_back(given[i].toTensor());
          return {forward(examples)};
        },
        [](const at::Tensor&) { return std::string(); }, /*strict=*/false);
    recording.graph = traced.first->graph;
    recording.output = traced.second.at(0).toTensor();
    return recording;
  });
}

std::vector<at::Tensor> with_batch(const std::vector<at::Tensor>& inputs, int64_t batch) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& input : inputs) {
    const at::Tensor rows = at::remainder(at::arange(batch, at::TensorOptions().dtype(c10::kLong)), input.size(0));
    result.push_back(at::index_select(input, 0, rows.to(input.device())));
  }
  return result;
}

absl::StatusOr<std::vector<BatchLiteral>> find_batch_literals(const torch::jit::Graph& first,
                                                              const torch::jit::Graph& second, int64_t batch) {
  Comparison comparison(batch);
  PARE_RETURN_IF_ERROR(comparison.compare(first, second));
  return comparison.take_literals();
}

std::vector<std::pair<const torch::jit::Node*, std::string>> scopes_of(const torch::jit::Graph& graph,
                                                                       size_t num_examples,
                                                                       const NamedTensors& tensors) {
  // The module of each value that is a parameter or a list of parameters.
  std::unordered_map<const torch::jit::Value*, std::string> modules;
  for (size_t i = 0; i < tensors.size(); ++i) {
    modules[graph.inputs()[num_examples + i]] = module_of(tensors[i].first);
  }
  std::vector<std::pair<const torch::jit::Node*, std::optional<std::string>>> own;
  for (const torch::jit::Node* node : graph.nodes()) {
    std::optional<std::string> scope;
    for (const torch::jit::Value* input : node->inputs()) {
      const auto found = modules.find(input);
      if (found == modules.end()) continue;
      scope = scope.has_value() ? common_module(*scope, found->second) : found->second;
    }
    if (scope.has_value() && node->kind() == torch::jit::prim::ListConstruct) modules[node->output()] = *scope;
    own.emplace_back(node, std::move(scope));
  }
  std::vector<std::string> next(own.size());
  std::optional<std::string> layer;
  for (size_t i = own.size(); i-- > 0;) {
    next[i] = layer.value_or("");
    if (own[i].second.has_value()) layer = own[i].second;
  }
  layer.reset();
  std::vector<std::pair<const torch::jit::Node*, std::string>> scopes;
  for (size_t i = 0; i < own.size(); ++i) {
    if (own[i].second.has_value()) layer = own[i].second;
    scopes.emplace_back(own[i].first,
                        own[i].second.has_value() ? *own[i].second : common_module(layer.value_or(""), next[i]));
  }
  return scopes;
}

}  // namespace pare::graph
