// compression/analysis/operator_traits.h: what quantization has to know about each operator.
//
//   OperatorTraits traits = operator_traits(node, TargetDevice::kCpu);
//   if (traits.takes_quantized) for (size_t i : traits.data) ... node.input(i) is to be quantized ...
//
// The table is over ATen's names. Which operators take quantized inputs depends on the device that the model is
// compressed for, as in NNCF's descriptions of devices; ANY follows the CPU's, TRIAL is no device: everything that can
// be simulated. An operator that is not in the table is kOther: it takes no quantized inputs, and no quantizer moves
// through it.

#ifndef PARE_COMPRESSION_ANALYSIS_OPERATOR_TRAITS_H_
#define PARE_COMPRESSION_ANALYSIS_OPERATOR_TRAITS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare {

enum class TargetDevice { kAny, kCpu, kGpu, kNpu, kTrial };

// "ANY", "CPU", "GPU", "NPU" or "TRIAL"; InvalidArgument for others.
absl::StatusOr<TargetDevice> parse_target_device(const std::string& name);
const char* to_string(TargetDevice device);

enum class OperatorKind {
  kConvolution,    // data[0] and a weight
  kLinear,         // data[0] and a weight
  kMatmul,         // two operands, of which one may be a weight
  kEmbedding,      // a weight alone: the indices are no numbers to quantize
  kArithmetic,     // elementwise, of two operands: add, mul, max, ...
  kNonlinear,      // elementwise, of one: relu, gelu, exp, ...
  kReduction,      // mean, sum, norm, ...
  kNormalization,  // layer norm and the like
  kBatchNorm,      // never quantized: it is folded into the convolution before it, or runs as it is
  kPooling,        // averages of neighbours: average pools, interpolation
  kConcat,         // a list of tensors becomes one: all of them on one scale
  kMovement,       // its output's elements are elements of its input, or zeros: reshape, slice, pad, ...
  kSelection,      // the same, but which elements depends on their values: max pool
  kSoftmax,
  kCast,        // to another dtype
  kPredicate,   // its output is no floating point tensor: comparisons, arg max, ...
  kShapeQuery,  // reads shapes, dtypes or numbers, not data: size, zeros_like, arithmetic of sizes
  kOther,
};

struct OperatorTraits {
  OperatorKind kind = OperatorKind::kOther;
  std::vector<size_t> data;      // positions of the inputs that data comes from
  int weight = -1;               // the position of the weight; -1 for none, and for kMatmul
  bool takes_quantized = false;  // whether the device computes it from quantized inputs

  // A quantizer of the output can as well stand on the input.
  bool is_agnostic() const { return kind == OperatorKind::kMovement || kind == OperatorKind::kSelection; }
  bool is_weighted() const {
    return kind == OperatorKind::kConvolution || kind == OperatorKind::kLinear || kind == OperatorKind::kMatmul;
  }
};

OperatorTraits operator_traits(const graph::Node& node, TargetDevice device);

// Whether `use` only looks at the shape or dtype of the value (or takes its dtype for a template): the value may be
// quantized for all of its other uses without regard to this one.
bool is_shape_use(const graph::Use& use);

// Whether `use` takes the value for indices or conditions.
bool is_index_use(const graph::Use& use);

// A convolution with as many groups as input channels.
bool is_depthwise(const graph::Node& node);

// A convolution whose weight is [in, out / groups, ...].
bool is_transposed_convolution(const graph::Node& node);

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_OPERATOR_TRAITS_H_
