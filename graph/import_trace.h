// graph/import_trace.h: two recordings of one module, with batches of two sizes, and what they tell.
//
//   PARE_ASSIGN_OR_RETURN(Recording two, record(forward, inputs, tensors));
//   PARE_ASSIGN_OR_RETURN(Recording three, record(forward, with_batch(inputs, 3), tensors));
//   find_batch_literals(*two.graph, *three.graph, 2);
//
// A trace records the operators that LibTorch executes; a C++ module gets its sizes as plain ints, which end up in the
// trace as literals. A literal that is c = a * B in a trace with batch B, and a * (B + 1) in one with batch B + 1, is
// the batch's size times a; anything else that differs between the two cannot be told, and is Unimplemented.

#ifndef PARE_GRAPH_IMPORT_TRACE_H_
#define PARE_GRAPH_IMPORT_TRACE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace torch::jit {
struct Graph;
struct Node;
struct Value;
}  // namespace torch::jit

namespace pare::graph {

// The tensors that a trace takes after its example inputs, with their names, each once.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

struct Recording {
  std::shared_ptr<torch::jit::Graph> graph;  // inputs: the examples, then the named tensors
  at::Tensor output;
};

using ForwardFunction = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

// Runs `forward` under LibTorch's tracer, without gradients. InvalidArgument if it throws.
absl::StatusOr<Recording> record(const ForwardFunction& forward, const std::vector<at::Tensor>& inputs,
                                 const NamedTensors& tensors);

// The same examples with more rows: dimension 0 is repeated from its start until it has `batch` rows.
std::vector<at::Tensor> with_batch(const std::vector<at::Tensor>& inputs, int64_t batch);

// A literal of `first` that is a multiple of the batch's size. `element` is its place in a list of ints, -1 if it is an
// int itself.
struct BatchLiteral {
  const torch::jit::Value* value;
  int64_t element;
  int64_t factor;
};

// `first` was recorded with the given batch, `second` with one more.
absl::StatusOr<std::vector<BatchLiteral>> find_batch_literals(const torch::jit::Graph& first,
                                                              const torch::jit::Graph& second, int64_t batch);

// The module path of every node of a recording, which holds none itself: that of the parameters that the node uses
// ("layer1.0.conv1" for one that uses "layer1.0.conv1.weight"); for a node that uses none, the innermost module that
// holds both the layer executed before it and the one after it; the top before the first layer and after the last.
std::vector<std::pair<const torch::jit::Node*, std::string>> scopes_of(const torch::jit::Graph& graph,
                                                                       size_t num_examples,
                                                                       const NamedTensors& tensors);

}  // namespace pare::graph

#endif  // PARE_GRAPH_IMPORT_TRACE_H_
