// export/onnx/onnx_proto.h: an OnnxBuilder's graph as the bytes of an .onnx file.

#ifndef PARE_EXPORT_ONNX_ONNX_PROTO_H_
#define PARE_EXPORT_ONNX_ONNX_PROTO_H_

#include <c10/core/ScalarType.h>

#include <string>

#include "absl/status/statusor.h"
#include "export/onnx/onnx_builder.h"

namespace pare::exporters {

inline constexpr int kOnnxOpset = 17;
inline constexpr int kOnnxIrVersion = 8;

// ONNX's number for a dtype (TensorProto.DataType); 0 for one that it does not have.
int onnx_dtype(c10::ScalarType dtype);

// The finished builder as a ModelProto that onnx's checker accepts; sizes that depend on the batch size are called
// "batch" where they are it. Errors: Unimplemented (a dtype that ONNX lacks; more than 2 GB, which a protobuf file
// cannot hold), Internal with the checker's words.
absl::StatusOr<std::string> serialize(const OnnxBuilder& builder, Dim batch);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_ONNX_PROTO_H_
