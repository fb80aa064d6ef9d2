// compression/quantization/batch_norm_folding.h: folds batch norms into the convolutions before them, for export.
//
//   PARE_ASSIGN_OR_RETURN(int64_t folded, fold_batch_norms(graph));
//
// With g = weight / sqrt(running_var + eps), a batch norm in evaluation mode after a convolution is the convolution
// with the weight W g, per output channel, and the bias (b - running_mean) g + bn_bias (Jacob et al. 2017,
// arXiv:1712.05877, section 3.2).
//
// Where a fake quantization (aten::fake_quantize_per_{tensor,channel}_affine with constant parameters) stands between
// the weight and the convolution, the weight becomes Q(W) g and the scale of each output channel s |g|, so that
// quantizing the folded weight gives the folded weight itself: the same integers as before, to the last one. Where g is
// negative the integers change sign about the zero point; if the lowest or the highest of them has no counterpart (of
// unsigned ones none has), the channel's zero point moves so that all have one.
//
// Left as they are: batch norms whose convolution has other users, whose weight is computed, or that always train; and
// those after a grouped transposed convolution, whose output channels are no axis of the weight.

#ifndef PARE_COMPRESSION_QUANTIZATION_BATCH_NORM_FOLDING_H_
#define PARE_COMPRESSION_QUANTIZATION_BATCH_NORM_FOLDING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "graph/graph.h"

namespace pare::quantization {

// How many were folded. Errors: InvalidArgument, naming the batch norm, if its statistics give no finite factor.
absl::StatusOr<int64_t> fold_batch_norms(graph::Graph& graph);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_BATCH_NORM_FOLDING_H_
