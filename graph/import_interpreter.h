// graph/import_interpreter.h: walks through a TorchScript program and leaves behind what it computes, as nodes.
//
//   ImportInterpreter interpreter(emitter, attributes);
//   PARE_ASSIGN_OR_RETURN(ImportValue output, interpreter.run(*method.graph(), {self, input}, place));
//
// It is an interpreter whose values may be unknown: calls are entered, loops run, branches taken, all at import, and
// an operator on what is not known becomes a node. What it must know and cannot is Unimplemented:
//   - a condition on what a tensor holds. Trace such a model;
//   - a condition on shapes, if there are no examples of the inputs.
// A condition that only guards an exception is taken to hold: the operator that it protects complains by itself.

#ifndef PARE_GRAPH_IMPORT_INTERPRETER_H_
#define PARE_GRAPH_IMPORT_INTERPRETER_H_

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/import_attributes.h"
#include "graph/import_emitter.h"
#include "graph/import_value.h"

namespace torch::jit {
struct Block;
struct Graph;
struct Node;
struct Value;
}  // namespace torch::jit

namespace pare::graph {

class ImportInterpreter {
 public:
  ImportInterpreter(ImportEmitter& emitter, ImportAttributes& attributes)
      : emitter_(emitter), attributes_(attributes) {}

  // For a graph without modules: where its nodes belong.
  void set_places(std::function<NodePlace(const torch::jit::Node*)> place_of) { place_of_ = std::move(place_of); }

  // Values that are known beforehand, whatever computes them.
  void set_value(const torch::jit::Value* value, ImportValue known) { preset_[value] = std::move(known); }

  // Runs the graph; its result (a tuple if it has several).
  absl::StatusOr<ImportValue> run(const torch::jit::Graph& graph, const std::vector<ImportValue>& inputs,
                                  const NodePlace& place);

 private:
  using Values = std::vector<ImportValue>;
  struct Frame {
    NodePlace place;
    std::unordered_map<const torch::jit::Value*, ImportValue> values;
  };

  absl::StatusOr<Values> run_block(const torch::jit::Block* block, Frame& frame);
  absl::Status run_node(const torch::jit::Node* node, Frame& frame);
  absl::Status run_if(const torch::jit::Node* node, Frame& frame);
  absl::Status run_loop(const torch::jit::Node* node, Frame& frame);
  absl::Status run_both(const torch::jit::Node* node, const ImportValue& condition, Frame& frame);
  absl::StatusOr<ImportValue> call(const torch::jit::Node* node, Frame& frame);
  absl::StatusOr<ImportValue> get_attribute(const torch::jit::Node* node, Frame& frame);
  absl::Status set_attribute(const torch::jit::Node* node, Frame& frame);
  absl::Status raise(const torch::jit::Node* node, Frame& frame);
  absl::StatusOr<ImportValue> value_of(const torch::jit::Value* value, Frame& frame);
  absl::StatusOr<c10::IValue> must_know(const torch::jit::Node* node, const ImportValue& value, const char* what);
  absl::Status set_outputs(const torch::jit::Node* node, Values outputs, Frame& frame);
  NodePlace place_at(const torch::jit::Node* node, const Frame& frame) const;

  ImportEmitter& emitter_;
  ImportAttributes& attributes_;
  std::function<NodePlace(const torch::jit::Node*)> place_of_;
  std::unordered_map<const torch::jit::Value*, ImportValue> preset_;
  std::vector<c10::IValue> created_;  // objects: their address is their identity, so they live as long as the walk
  int depth_ = 0;
  int64_t steps_ = 0;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_INTERPRETER_H_
