// graph/program.h: a graph compiled into a flat list of instructions over slots, for model.cc.
//
// Every computed value has a slot; slots are reused once their value has had its last use, and a value is moved, not
// copied, into the operator that uses it last, so that its memory is free as early as it can be.
//
// Without gradients, an activation (relu, silu, ...) whose input no one else holds is computed in its input's memory: a
// model that was written with in-place activations, which import makes functional, takes no more memory than it did.
// With gradients, a convolution or a linear layer does not keep what a quantizer computed for it; see
// ops/recomputed_input.h.

#ifndef PARE_GRAPH_PROGRAM_H_
#define PARE_GRAPH_PROGRAM_H_

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

class Program {
 public:
  using Observer = std::function<void(const Node& node, at::ArrayRef<c10::IValue> outputs)>;

  // The graph must outlive the program and keep its version.
  static absl::StatusOr<Program> compile(const Graph& graph);

  uint64_t version() const { return version_; }

  // `inputs` are as many as the graph's. LibTorch's exceptions become a status with the name of the node that threw.
  absl::StatusOr<c10::IValue> run(std::vector<c10::IValue> inputs, bool training, const Observer& observer) const;

 private:
  struct Operand {
    enum class Kind { kSlot, kLastUseOfSlot, kConstant, kTensor, kTraining };
    Kind kind;
    size_t slot;
    const Value* value;
  };
  struct Instruction {
    const Node* node;
    std::vector<Operand> operands;
    std::vector<size_t> results;                  // a slot for each output, kNoSlot for one that nothing uses
    std::optional<c10::OperatorHandle> in_place;  // of an activation whose input may be overwritten
    bool may_recompute = false;
  };
  static constexpr size_t kNoSlot = ~size_t{0};

  c10::IValue load(const Operand& operand, std::vector<c10::IValue>& slots, bool training) const;
  void execute(const Instruction& instruction, std::vector<c10::IValue>& slots, bool training, torch::jit::Stack& stack,
               const Observer& observer) const;

  uint64_t version_ = 0;
  size_t num_slots_ = 0;
  std::vector<size_t> input_slots_;
  std::vector<Instruction> instructions_;
  Operand result_;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_PROGRAM_H_
