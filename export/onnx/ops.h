// export/onnx/ops.h: the exporters of ATen's operators, a family a file.

#ifndef PARE_EXPORT_ONNX_OPS_H_
#define PARE_EXPORT_ONNX_OPS_H_

#include <map>
#include <string>

#include "export/onnx/op_registry.h"

namespace pare::exporters {

using OpTable = std::map<std::string, OpExporter>;

void add_activation_ops(OpTable* table);
void add_elementwise_ops(OpTable* table);
void add_comparison_ops(OpTable* table);
void add_convolution_ops(OpTable* table);
void add_pooling_ops(OpTable* table);
void add_normalization_ops(OpTable* table);
void add_shape_ops(OpTable* table);
void add_slicing_ops(OpTable* table);
void add_indexing_ops(OpTable* table);
void add_padding_ops(OpTable* table);
void add_resize_ops(OpTable* table);
void add_creation_ops(OpTable* table);
void add_reduction_ops(OpTable* table);
void add_matmul_ops(OpTable* table);
void add_attention_ops(OpTable* table);
void add_recurrent_ops(OpTable* table);
void add_quantization_ops(OpTable* table);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_OPS_H_
