// graph/import_emitter.h: turns one operator of a TorchScript graph into what stands for it here: a value known at
// import, or a node of the graph.
//
//   ImportEmitter emitter(graph, examples, {.is_trace = true});
//   PARE_ASSIGN_OR_RETURN(std::vector<ImportValue> outputs, emitter.run(node, inputs, place));
//
// What it decides
//   - an operator on known values is executed now; on parameters and buffers never: they change;
//   - flags that say whether batch norm, dropout and recurrent networks train follow the model's mode. A batch norm
//     without running statistics keeps its constant, and so does, in a script, a dropout that is on in evaluation mode;
//   - lists, tuples and dicts fall away where their elements are taken out again; of sizes, each is a node of its own;
//   - arithmetic that tracing did on sizes in tensors (NumToTensor, mul, Int) becomes arithmetic on ints.

#ifndef PARE_GRAPH_IMPORT_EMITTER_H_
#define PARE_GRAPH_IMPORT_EMITTER_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/example_run.h"
#include "graph/graph.h"
#include "graph/import_value.h"

namespace torch::jit {
struct Node;
}

namespace pare::graph {

class ImportEmitter {
 public:
  struct Options {
    bool is_trace = false;
    // Whether tensors are computed at import. Not where an in-place operator would then write into the result: the
    // model would remember it from one call to the next.
    bool fold_tensors = true;
    // Whether someone else may have written the program: every operator must be on the list. The operators of a C++
    // module are this program's own.
    bool is_from_file = true;
  };

  ImportEmitter(Graph& graph, ExampleRun& examples, Options options)
      : graph_(graph), examples_(examples), options_(options) {}

  // The outputs of `node`, any operator but those of control flow, attributes and calls.
  absl::StatusOr<std::vector<ImportValue>> run(const torch::jit::Node* node, std::vector<ImportValue> inputs,
                                               const NodePlace& place);

  // A constant of the TorchScript graph.
  absl::StatusOr<ImportValue> constant(c10::IValue value, const NodePlace& place);

  // The graph's value for it; containers are made by nodes.
  absl::StatusOr<Value*> materialize(const ImportValue& value, const NodePlace& place);

  // The number, bool or other plain value that import must know to go on, if it can be known: from examples, where
  // all of them agree; the graph then gets a check that the model's inputs are like the examples in what decided.
  // Unimplemented if the examples differ.
  absl::StatusOr<std::optional<c10::IValue>> decide(const ImportValue& value);

  // Whether an in-place operator met a tensor that was computed at import: run again without fold_tensors.
  bool has_written_into_constant() const { return has_written_into_constant_; }

  Graph& graph() { return graph_; }
  const Options& options() const { return options_; }

 private:
  using Values = std::vector<ImportValue>;

  absl::StatusOr<std::optional<Values>> run_special(const torch::jit::Node* node, const Values& inputs,
                                                    const NodePlace& place);
  absl::StatusOr<std::optional<Values>> run_on_sizes(const torch::jit::Node* node, const Values& inputs,
                                                     const NodePlace& place);
  absl::StatusOr<std::optional<Values>> fold(const torch::jit::Node* node, const Values& inputs);
  absl::StatusOr<Values> emit(const torch::jit::Node* node, const Values& inputs, const NodePlace& place);
  absl::StatusOr<Values> emit_unpack(const torch::jit::Node* node, const ImportValue& input, const NodePlace& place);
  absl::StatusOr<ImportValue> emit_size(const ImportValue& sizes, int64_t dimension, const NodePlace& place);
  void connect_training(const torch::jit::Node* node, std::vector<Value*>& values, const NodePlace& place);
  bool makes_data_shape(const torch::jit::Node* node, const Values& inputs);
  bool may_be_mask(const ImportValue& index);
  void warn_about_momentum(const std::string& layer);

  Graph& graph_;
  ExampleRun& examples_;
  Options options_;
  bool has_written_into_constant_ = false;
  bool has_warned_ = false;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_EMITTER_H_
