#include "export/onnx_export.h"

#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "export/check_for_nan.h"
#include "export/onnx/graph_to_onnx.h"
#include "export/onnx/graph_trace.h"
#include "export/onnx/onnx_builder.h"
#include "export/onnx/onnx_proto.h"

namespace pare::exporters {

absl::StatusOr<std::string> to_onnx(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes) {
  PARE_RETURN_IF_ERROR(check_for_nan(model));
  const absl::StatusOr<GraphTrace> traced = GraphTrace::run(model.graph(), input_shapes, model.input_dtypes());
  if (!traced.ok()) {
    // An operator that could not be written anyway is the better message than that it could not be executed.
    PARE_RETURN_IF_ERROR(check_operators(model.graph()));
    return traced.status();
  }
  const GraphTrace& trace = *traced;
  OnnxBuilder builder;
  PARE_RETURN_IF_ERROR(GraphToOnnx(model.graph(), trace, &builder).run());
  return serialize(builder, trace.batch());
}

absl::Status export_onnx(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes,
                         const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string bytes, to_onnx(model, input_shapes));
  return write_file_atomically(path, bytes);
}

}  // namespace pare::exporters
