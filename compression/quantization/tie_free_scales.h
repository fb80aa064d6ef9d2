// compression/quantization/tie_free_scales.h: moves scales around additions so far that no sum lies halfway between two
// levels, for export.
//
//   PARE_ASSIGN_OR_RETURN(int64_t moved, make_scales_tie_free(graph));   // after lower_quantizers()
//
// A quantized addition has only 2^16 different sums, a s1 + b s2 for integers a and b, and rounds each to a level of
// s3. With scales as calibration leaves them, two or three of these sums lie so near to the middle between two levels
// that one runtime's last bit rounds them up and another's down: wherever this pair of integers occurs, in every image.
// From there the difference spreads through the layers that follow.
//
// Here the scales of an addition become odd multiples of one power of two: s = m u. A sum is then (m1 a + m2 b) u, a
// tie would be (2 k + 1) m3 u / 2 with an odd numerator, and the two are at least 1 / (2 m3) of a level apart: far more
// than rounding in float32 can bridge (about 3e-5 of a level). Scales change by at most one part in 512; zero points
// stay.
//
// Which: fake quantizations per tensor that feed an addition or subtraction of two quantized operands, and those that
// quantize its result, directly or behind operators that only move or clip elements. Those of the very same scale,
// which share a range (the inputs of a concatenation), move with them. Additions that share a quantizer share the power
// of two; a group whose scales are more than 16 times apart is left as it is.

#ifndef PARE_COMPRESSION_QUANTIZATION_TIE_FREE_SCALES_H_
#define PARE_COMPRESSION_QUANTIZATION_TIE_FREE_SCALES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::quantization {

// How many scales were moved.
absl::StatusOr<int64_t> make_scales_tie_free(graph::Graph& graph);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_TIE_FREE_SCALES_H_
