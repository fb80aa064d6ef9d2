// export/onnx/layers.h: layers that more than one operator is made of, written to ONNX.

#ifndef PARE_EXPORT_ONNX_LAYERS_H_
#define PARE_EXPORT_ONNX_LAYERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "export/onnx/op_export.h"

namespace pare::exporters {

// The transpose of a matrix, made at export where it is a constant, quantized or not.
std::string transposed_matrix(OpExport& op, const std::string& name);

// Whether the weight is quantized where x is not. ONNX Runtime makes of MatMul(x, DequantizeLinear(weight)) an operator
// that rounds x to eight bits as well (MatMulNBits; two percent of the output's deviation were seen), and of Gemm too
// unless its weight is transposed: such layers are written as Gemm with transB.
bool is_weight_only(OpExport& op, const std::string& x, const std::string& weight);

// x weight^T + bias on the last axis; `dims` are those of x, `bias` may be "". One Gemm for matrices, else a MatMul.
std::string linear_layer(OpExport& op, const std::string& x, const std::vector<Dim>& dims, const std::string& weight,
                         const std::string& bias);

// x * Phi(x), exactly.
std::string gelu_layer(OpExport& op, const std::string& x, c10::ScalarType dtype);

// The bias of a convolution or linear layer, or, where input and weight are quantized, what runtimes need to compute in
// integers: int32 levels of scale (input's * weight's) and a DequantizeLinear. The rounding is at most half a unit of
// the integer accumulator. A bias too large for that stays as it is.
std::string quantized_bias(OpExport& op, const std::string& x, const std::string& weight, const std::string& bias);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_LAYERS_H_
