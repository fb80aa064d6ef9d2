#include "graph/program.h"

#include <c10/util/SmallVector.h>

#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"

namespace pare::graph {

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
    node.function()(stack);
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
