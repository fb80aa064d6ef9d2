// compression/quantization/bias_rounding.h: rounds biases to the numbers that an integer runtime adds, for export.
//
//   PARE_ASSIGN_OR_RETURN(int64_t rounded, round_biases(graph));   // after lower_quantizers() and fold_batch_norms()
//
// A convolution or linear layer of quantized data and weights sums products of integers, in units of the data's scale
// times the weight's; its bias is added as an int32 in the same unit (Jacob et al. 2017, arXiv:1712.05877,
// section 2.4). Half a unit is a few thousandths of an activation's level, but enough for one activation in a thousand
// to be rounded the other way. With the biases rounded here, the graph computes what the written file does.
//
// Rounded is the bias of an operator whose data comes from a fake quantization per tensor (directly, or through
// operators that move elements), and whose weight comes from one per tensor or along its first axis. A bias of 2^30
// units or more, or one that has other users, stays as it is.

#ifndef PARE_COMPRESSION_QUANTIZATION_BIAS_ROUNDING_H_
#define PARE_COMPRESSION_QUANTIZATION_BIAS_ROUNDING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::quantization {

// How many were rounded.
absl::StatusOr<int64_t> round_biases(graph::Graph& graph);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_BIAS_ROUNDING_H_
