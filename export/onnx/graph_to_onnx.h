// export/onnx/graph_to_onnx.h: walks a graph and has each operator's exporter write its ONNX nodes.
//
//   OnnxBuilder builder;
//   PARE_RETURN_IF_ERROR(GraphToOnnx(graph, trace, &builder).run());
//
// Constants become initializers; what depends on the batch size alone is computed from the shape of the input; tuples
// and lists of tensors are taken apart, and the model's outputs are flattened ("output", or "output_0", "output_1"...,
// or a dict's keys).

#ifndef PARE_EXPORT_ONNX_GRAPH_TO_ONNX_H_
#define PARE_EXPORT_ONNX_GRAPH_TO_ONNX_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "export/onnx/aliases.h"
#include "export/onnx/graph_trace.h"
#include "export/onnx/onnx_builder.h"
#include "graph/graph.h"

namespace pare::exporters {

class GraphToOnnx {
 public:
  // All of them must outlive this object.
  GraphToOnnx(const graph::Graph& graph, const GraphTrace& trace, OnnxBuilder* builder);

  // Unimplemented if the model's output needs an operator without an exporter, or one that its exporter refuses; the
  // message names the operator, the node and its place in the source.
  absl::Status run();

  // For OpExport; these throw ExportError.
  std::string name_of(const graph::Value* value);
  std::vector<std::string> names_of_list(const graph::Value* value);
  std::string name_of_dim(Dim dim);  // a vector of one int64
  void bind(const graph::Value* value, const std::string& name) { names_[value] = name; }
  void bind_list(const graph::Value* value, std::vector<std::string> names) { lists_[value] = std::move(names); }
  const GraphTrace& trace() const { return trace_; }
  OnnxBuilder& builder() { return builder_; }

 private:
  absl::Status export_node(const graph::Node& node);
  absl::Status export_operator(const graph::Node& node);
  absl::Status check_constant_write(const graph::Node& node) const;
  void export_structure(const graph::Node& node);
  std::string compute_from_batch_size(const graph::Value* value, const ValueInfo& info);
  void collect_outputs(const graph::Value* value, const std::string& name,
                       std::vector<std::pair<std::string, std::string>>* outputs, std::vector<TensorInfo>* infos);

  const graph::Graph& graph_;
  const GraphTrace& trace_;
  OnnxBuilder& builder_;
  Aliases aliases_;
  std::map<const graph::Value*, std::string> names_;
  std::map<const graph::Value*, std::vector<std::string>> lists_;
  std::map<const graph::Value*, absl::Status> failures_;
  std::string batch_source_;  // an input whose first size is the batch size
};

// Unimplemented, naming it and its place, if an operator that the model's output needs and that reads the inputs has no
// exporter. Nothing is executed: this can be asked of a graph that does not run.
absl::Status check_operators(const graph::Graph& graph);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_GRAPH_TO_ONNX_H_
