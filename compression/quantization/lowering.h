// compression/quantization/lowering.h: turns quantizers into LibTorch's own fake-quantize operators, for export.
//
//   PARE_RETURN_IF_ERROR(lower_quantizers(graph, inserted));
//
// Each becomes aten::fake_quantize_per_tensor_affine or aten::fake_quantize_per_channel_affine with constant scale,
// zero point and level range, and gives the same values (ops/quantizer_grid.h says where a tie may round otherwise).
// Quantizers that are off are taken out. Their parameters leave the graph.

#ifndef PARE_COMPRESSION_QUANTIZATION_LOWERING_H_
#define PARE_COMPRESSION_QUANTIZATION_LOWERING_H_

#include <vector>

#include "absl/status/status.h"
#include "compression/quantization/insertion.h"
#include "graph/graph.h"

namespace pare::quantization {

// All or nothing as far as ranges go. Errors: FailedPrecondition, naming the quantizer, for one that is on and has no
// range; InvalidArgument for one whose parameters are not finite.
absl::Status lower_quantizers(graph::Graph& graph, const std::vector<InsertedQuantizer>& quantizers);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_LOWERING_H_
