// compression/quantization/channel_counts.h: gives activation quantizers per channel the right number of parameters.
//
//   PARE_RETURN_IF_ERROR(count_channels(*model, quantizers, {{1, 3, 32, 32}}));
//
// How many channels an activation has, only a run of the model tells. Without this the parameters of such a quantizer
// would have another shape in a fresh model than in one with ranges, whose state would not fit.

#ifndef PARE_COMPRESSION_QUANTIZATION_CHANNEL_COUNTS_H_
#define PARE_COMPRESSION_QUANTIZATION_CHANNEL_COUNTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "compression/quantization/insertion.h"
#include "graph/model.h"

namespace pare::quantization {

// Runs the model once, in evaluation mode, on zeros of these shapes; not at all if no activation is quantized per
// channel or the shapes are not known. Errors: the model's.
absl::Status count_channels(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                            const std::vector<std::vector<int64_t>>& input_size);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_CHANNEL_COUNTS_H_
