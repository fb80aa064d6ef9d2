#include "graph/example_run.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/clone.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::graph {

absl::StatusOr<std::optional<std::vector<c10::IValue>>> ExampleRun::values(const Value* value) {
  PARE_RETURN_IF_ERROR(execute_new_nodes());
  std::vector<c10::IValue> result;
  for (size_t i = 0; i < num_runs(); ++i) {
    std::optional<c10::IValue> known = load(value, known_[i], i);
    if (!known.has_value()) return std::optional<std::vector<c10::IValue>>();
    result.push_back(*std::move(known));
  }
  return std::optional<std::vector<c10::IValue>>(std::move(result));
}

absl::Status ExampleRun::execute_new_nodes() {
  known_.resize(num_runs());
  for (const Node* node = last_ == nullptr ? graph_.first_node() : graph_.next_node(last_); node != nullptr;
       node = graph_.next_node(node)) {
    for (Known& known : known_) PARE_RETURN_IF_ERROR(execute(*node, known));
    last_ = node;
  }
  return absl::OkStatus();
}

std::optional<c10::IValue> ExampleRun::load(const Value* value, Known& known, size_t example) {
  if (const auto found = known.find(value); found != known.end()) return found->second;
  switch (value->kind()) {
    case Value::Kind::kInput: {
      if (examples_.empty()) return std::nullopt;
      const auto& inputs = graph_.inputs();
      const auto position = static_cast<size_t>(std::find(inputs.begin(), inputs.end(), value) - inputs.begin());
      return known.emplace(value, examples_[example].at(position)).first->second;
    }
    case Value::Kind::kTraining:
      return c10::IValue(false);
    case Value::Kind::kParameter:
    case Value::Kind::kBuffer:
      // A copy: an in-place operator on it, or on a view of it, must not change the model.
      return known.emplace(value, at::clone(value->tensor().detach())).first->second;
    case Value::Kind::kConstant:
      if (!value->constant().isTensor() || !value->constant().toTensor().defined()) return value->constant();
      return known.emplace(value, at::clone(value->constant().toTensor())).first->second;
    case Value::Kind::kNodeOutput:
      return std::nullopt;
  }
  return std::nullopt;
}

absl::Status ExampleRun::execute(const Node& node, Known& known) {
  const size_t example = static_cast<size_t>(&known - known_.data());
  torch::jit::Stack stack;
  for (const Value* input : node.inputs()) {
    std::optional<c10::IValue> value = load(input, known, example);
    if (!value.has_value()) return absl::OkStatus();
    stack.push_back(*std::move(value));
  }
  PARE_RETURN_IF_ERROR(guard_torch(node.name(), [&] {
    at::NoGradGuard no_grad;
    node.function()(stack);
  }));
  for (size_t i = 0; i < node.outputs().size(); ++i) known.emplace(node.output(i), stack.at(i));
  return absl::OkStatus();
}

}  // namespace pare::graph
