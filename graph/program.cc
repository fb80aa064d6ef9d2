#include "graph/program.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/SmallVector.h>

#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"
#include "ops/recomputed_input.h"

namespace pare::graph {

namespace {

// The in-place form of an elementwise operator on one tensor, whose result has that tensor's shape, dtype and layout.
std::optional<c10::OperatorHandle> in_place_form(const Node& node) {
  static const std::set<std::string_view> kActivations = {
      "aten::relu",    "aten::relu6", "aten::hardtanh",  "aten::leaky_relu", "aten::elu",       "aten::celu",
      "aten::selu",    "aten::silu",  "aten::mish",      "aten::gelu",       "aten::hardswish", "aten::hardsigmoid",
      "aten::sigmoid", "aten::tanh",  "aten::threshold", "aten::clamp",      "aten::clamp_min", "aten::clamp_max"};
  if (node.schema() == nullptr || kActivations.count(node.op()) == 0) return std::nullopt;
  // A clamp by tensors broadcasts.
  for (size_t i = 1; i < node.inputs().size(); ++i) {
    if (!node.input(i)->is_constant() || node.input(i)->constant().isTensor()) return std::nullopt;
  }
  auto found = c10::Dispatcher::singleton().findSchema({node.op() + "_", node.overload()});
  if (!found.has_value() || found->schema().arguments().size() != node.inputs().size()) return std::nullopt;
  return *found;
}

// Whether no one can tell that this tensor is overwritten: the only reference to the only tensor on memory that
// LibTorch allocated itself (a caller's own array is not resizable).
bool is_ours_alone(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.use_count() != 1 || !tensor.has_storage() || tensor.layout() != c10::kStrided) {
    return false;
  }
  const c10::Storage& storage = tensor.storage();
  return storage.use_count() == 1 && storage.resizable() && tensor.is_floating_point() && !tensor.requires_grad() &&
         tensor.is_non_overlapping_and_dense() && tensor.is_inference() == c10::InferenceMode::is_enabled();
}

// Operators are being recorded: what is recorded must be what the graph says.
bool is_tracing() { return c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::Tracer); }

}  // namespace

absl::StatusOr<Program> Program::compile(const Graph& graph) {
  if (graph.output() == nullptr) return absl::FailedPreconditionError("the graph has no output: call set_output()");
  Program program;
  program.version_ = graph.version();

  std::unordered_map<const Value*, size_t> slot_of;
  std::unordered_map<const Value*, size_t> uses_left;
  std::vector<size_t> free_slots;
  const auto new_slot = [&]() -> size_t {
    if (free_slots.empty()) return program.num_slots_++;
    const size_t slot = free_slots.back();
    free_slots.pop_back();
    return slot;
  };
  const auto place = [&](const Value* value) -> size_t {
    if (value->uses().empty()) return kNoSlot;
    uses_left[value] = value->uses().size();
    return slot_of[value] = new_slot();
  };
  const auto operand_of = [&](const Value* value) -> Operand {
    switch (value->kind()) {
      case Value::Kind::kConstant:
        return {Operand::Kind::kConstant, kNoSlot, value};
      case Value::Kind::kParameter:
      case Value::Kind::kBuffer:
        return {Operand::Kind::kTensor, kNoSlot, value};
      case Value::Kind::kTraining:
        return {Operand::Kind::kTraining, kNoSlot, value};
      default:
        const size_t slot = slot_of.at(value);
        const bool last = --uses_left[value] == 0;
        if (last) free_slots.push_back(slot);
        return {last ? Operand::Kind::kLastUseOfSlot : Operand::Kind::kSlot, slot, value};
    }
  };

  for (const Value* input : graph.inputs()) program.input_slots_.push_back(place(input));
  for (const Node* node : graph.nodes()) {
    Instruction instruction;
    instruction.node = node;
    for (const Value* input : node->inputs()) instruction.operands.push_back(operand_of(input));
    for (const Value* output : node->outputs()) instruction.results.push_back(place(output));
    // An input of the model is its caller's.
    if (!instruction.operands.empty() && instruction.operands[0].kind == Operand::Kind::kLastUseOfSlot &&
        node->input(0)->kind() == Value::Kind::kNodeOutput) {
      instruction.in_place = in_place_form(*node);
    }
    static const std::set<std::string_view> kProducts = {"aten::_convolution", "aten::linear", "aten::addmm",
                                                         "aten::matmul", "aten::mm"};
    instruction.may_recompute = absl::StartsWith(node->op(), "aten::conv") || kProducts.count(node->op()) != 0;
    program.instructions_.push_back(std::move(instruction));
  }
  program.result_ = operand_of(graph.output());
  return program;
}

c10::IValue Program::load(const Operand& operand, std::vector<c10::IValue>& slots, bool training) const {
  switch (operand.kind) {
    case Operand::Kind::kSlot:
      return slots[operand.slot];
    case Operand::Kind::kLastUseOfSlot:
      return std::move(slots[operand.slot]);
    case Operand::Kind::kConstant:
      return operand.value->constant();
    case Operand::Kind::kTensor:
      return operand.value->tensor();
    case Operand::Kind::kTraining:
      return training;
  }
  return {};
}

void Program::execute(const Instruction& instruction, std::vector<c10::IValue>& slots, bool training,
                      torch::jit::Stack& stack, const Observer& observer) const {
  const Node& node = *instruction.node;
  if (node.is_transform()) {
    c10::SmallVector<at::Tensor, 4> inputs;
    for (const Operand& operand : instruction.operands) {
      inputs.push_back(load(operand, slots, training).toTensor());
    }
    stack.emplace_back(node.transform()->forward(inputs));
  } else {
    for (const Operand& operand : instruction.operands) stack.push_back(load(operand, slots, training));
    if (instruction.in_place.has_value() && !at::GradMode::is_enabled() && stack[0].isTensor() &&
        is_ours_alone(stack[0].toTensor()) && !is_tracing()) {
      instruction.in_place->callBoxed(stack);
    } else {
      node.function()(stack);
      if (instruction.may_recompute && at::GradMode::is_enabled() && !stack.empty() && stack[0].isTensor()) {
        ops::recompute_quantized_inputs(stack[0].toTensor());
      }
    }
  }
  TORCH_CHECK(stack.size() == instruction.results.size(), "returned ", stack.size(), " values, expected ",
              instruction.results.size());
  if (observer != nullptr) observer(node, stack);
  for (size_t i = 0; i < instruction.results.size(); ++i) {
    if (instruction.results[i] != kNoSlot) slots[instruction.results[i]] = std::move(stack[i]);
  }
  stack.clear();
}

absl::StatusOr<c10::IValue> Program::run(std::vector<c10::IValue> inputs, bool training,
                                         const Observer& observer) const {
  std::vector<c10::IValue> slots(num_slots_);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (input_slots_[i] != kNoSlot) slots[input_slots_[i]] = std::move(inputs[i]);
  }
  torch::jit::Stack stack;
  const Instruction* current = nullptr;
  try {
    for (const Instruction& instruction : instructions_) {
      current = &instruction;
      execute(instruction, slots, training, stack, observer);
    }
  } catch (...) {
    const Node& node = *current->node;
    const std::string where = node.source().empty() ? node.name() : absl::StrCat(node.name(), " (", node.source(), ")");
    return status_of_exception(where, std::current_exception());
  }
  return load(result_, slots, training);
}

}  // namespace pare::graph
