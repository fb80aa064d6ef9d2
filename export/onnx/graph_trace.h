// export/onnx/graph_trace.h: what an export must know of each value: its dtype, its shape, and what it depends on.
//
//   PARE_ASSIGN_OR_RETURN(GraphTrace trace, GraphTrace::run(model->graph(), {{1, 3, 224, 224}},
//   model->input_dtypes())); trace.info(conv->output()).tensors[0].dims;   // {batch, 64, 112, 112}
//
// The graph is executed in evaluation mode with two batch sizes on inputs of zeros. What differs between the two
// depends on the batch size; what depends on neither the inputs nor the batch size is a constant, whose value is kept.
// The second batch is left out when the graph cannot run with it: then every size is fixed (has_dynamic_batch() is
// false).

#ifndef PARE_EXPORT_ONNX_GRAPH_TRACE_H_
#define PARE_EXPORT_ONNX_GRAPH_TRACE_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::exporters {

// A size, at the first batch size and at the second.
struct Dim {
  int64_t first = 0, second = 0;
  bool is_fixed() const { return first == second; }
  bool operator==(const Dim&) const = default;
};

struct TensorInfo {
  c10::ScalarType dtype = c10::ScalarType::Float;
  std::vector<Dim> dims;
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
};

enum class DependsOn {
  kNothing,    // a constant
  kBatchSize,  // the same for all inputs of one batch size
  kInputs,
};

struct ValueInfo {
  DependsOn depends_on = DependsOn::kInputs;
  // Of a tensor: one. Of a list or tuple of tensors: each. Of anything else: none.
  std::vector<TensorInfo> tensors;
  // The value at the two batch sizes; kNothing and kBatchSize only.
  c10::IValue first, second;
};

class GraphTrace {
 public:
  // `input_dtypes`: of each input; empty (not known): guess_input_dtypes() of input_dtypes.h. Errors: Unimplemented,
  // naming it, for a Transform and for a parameter of 16 bits, which LibTorch's CPU operators do not compute with;
  // InvalidArgument if the shapes or dtypes do not fit the graph, or, with the node's name, if a node cannot be
  // executed.
  static absl::StatusOr<GraphTrace> run(graph::Graph& graph, const std::vector<std::vector<int64_t>>& input_shapes,
                                        const std::vector<c10::ScalarType>& input_dtypes = {});

  const ValueInfo& info(const graph::Value* value) const { return infos_.at(value); }
  bool has_dynamic_batch() const { return batch_.first != batch_.second; }
  Dim batch() const { return batch_; }
  // In the order of the graph's inputs.
  const std::vector<c10::ScalarType>& input_dtypes() const { return input_dtypes_; }

 private:
  std::map<const graph::Value*, ValueInfo> infos_;
  Dim batch_;
  std::vector<c10::ScalarType> input_dtypes_;
};

// The nodes whose result depends on the inputs' numbers, by the operators alone: all others are computed at export.
std::vector<const graph::Node*> nodes_that_read_inputs(const graph::Graph& graph);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_GRAPH_TRACE_H_
