#include "export/onnx_export.h"

#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "export/onnx/graph_to_onnx.h"
#include "export/onnx/graph_trace.h"
#include "export/onnx/onnx_builder.h"
#include "export/onnx/onnx_proto.h"

namespace pare::exporters {

absl::StatusOr<std::string> to_onnx(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes) {
  PARE_ASSIGN_OR_RETURN(const GraphTrace trace, GraphTrace::run(model.graph(), input_shapes));
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
