// export/onnx_export.h: writes a model as an ONNX file.
//
//   PARE_RETURN_IF_ERROR(export_onnx(*model, {{1, 3, 224, 224}}, "model.onnx"));
//
// Opset 17. The batch, dimension 0 of the inputs, is dynamic wherever the model lets it be ("batch" in the file). Fake
// quantization becomes QuantizeLinear and DequantizeLinear, with weights stored in eight bits; batch norms behind
// convolutions become part of their weights; what depends on no input is computed now. The model is executed on zeros,
// and is not changed. The same model gives the same bytes. An operator is exported by what onnx/op_registry.h knows,
// to which others can add.

#ifndef PARE_EXPORT_ONNX_EXPORT_H_
#define PARE_EXPORT_ONNX_EXPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/model.h"

namespace pare::exporters {

// `input_shapes`: of each input, batch first. The inputs' dtypes are model.input_dtypes(); where they are not known,
// float32, or int64 for what ends as indices. Errors: Unimplemented (an operator, or a use of one, that cannot be
// exported: the message names it, its node and its place; a Transform that is left; a model of 16 bits, or of more than
// 2 GB), InvalidArgument (shapes that do not fit, a tensor that holds a NaN, a quantizer that has no scale), and those
// of base/atomic_file.h.
absl::Status export_onnx(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes,
                         const std::string& path);

// The file's content.
absl::StatusOr<std::string> to_onnx(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_EXPORT_H_
