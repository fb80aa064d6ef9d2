// compression/quantization/quantization_statistics.h: what the method "quantization" says about itself.
//
//   std::cout << quantization_statistics(model->graph(), quantizers).to_text();
//
// Children weight_quantizers and activation_quantizers (total, enabled, symmetric, asymmetric, signed, unsigned,
// per_tensor, per_channel, bits_<b>), memory (original_bytes of the parameters as they
// are, and quantized_bytes), and a table of all
// quantizers. Signedness is counted for symmetric quantizers with a range, as it is decided then.

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_STATISTICS_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_STATISTICS_H_

#include <vector>

#include "compression/quantization/insertion.h"
#include "graph/graph.h"
#include "statistics/statistics.h"

namespace pare::quantization {

// Quantized, a weight takes `bits` for each element and each of its quantizer's parameters its own size.
Statistics quantization_statistics(const graph::Graph& graph, const std::vector<InsertedQuantizer>& quantizers);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTIZATION_STATISTICS_H_
