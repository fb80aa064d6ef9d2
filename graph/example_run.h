// graph/example_run.h: what the values of a graph that is being built are, for examples of its inputs.
//
//   ExampleRun run(graph, {{at::zeros({2, 3, 32, 32})}, {at::zeros({3, 3, 32, 32})}});   // two examples
//   PARE_ASSIGN_OR_RETURN(auto values, run.values(size_of_x));                            // {{2, 3}}
//
// Import asks it for the numbers behind a condition on shapes. It executes, in evaluation mode and without gradients,
// the nodes that have been appended to the graph since it was last asked: a graph that never asks costs nothing.
// Parameters and buffers are known without any example of the inputs. Nodes must only be appended, not removed.

#ifndef PARE_GRAPH_EXAMPLE_RUN_H_
#define PARE_GRAPH_EXAMPLE_RUN_H_

#include <ATen/core/ivalue.h>

#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::graph {

class ExampleRun {
 public:
  // An example is a value for every input of the graph. None: only what does not depend on the inputs is known.
  ExampleRun(const Graph& graph, std::vector<std::vector<c10::IValue>> examples)
      : graph_(graph), examples_(std::move(examples)) {}

  bool has_examples() const { return !examples_.empty(); }

  // The value for each example (one if there are no examples); nullopt if it depends on inputs that are not given.
  // InvalidArgument, with the node's name, if a node cannot be executed.
  absl::StatusOr<std::optional<std::vector<c10::IValue>>> values(const Value* value);

 private:
  using Known = std::map<const Value*, c10::IValue>;

  absl::Status execute_new_nodes();
  absl::Status execute(const Node& node, Known& known);
  std::optional<c10::IValue> load(const Value* value, Known& known, size_t example);
  size_t num_runs() const { return examples_.empty() ? 1 : examples_.size(); }

  const Graph& graph_;
  std::vector<std::vector<c10::IValue>> examples_;
  std::vector<Known> known_;
  const Node* last_ = nullptr;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_EXAMPLE_RUN_H_
