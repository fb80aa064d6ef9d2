// export/onnx/input_dtypes.h: what the inputs of a graph are, where no run has told.

#ifndef PARE_EXPORT_ONNX_INPUT_DTYPES_H_
#define PARE_EXPORT_ONNX_INPUT_DTYPES_H_

#include <c10/core/ScalarType.h>

#include <vector>

#include "graph/graph.h"

namespace pare::exporters {

// int64 for an input that ends, through operators that move, convert or count with it, as the indices of an embedding,
// a gather or the like; else float32.
std::vector<c10::ScalarType> guess_input_dtypes(const graph::Graph& graph);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_INPUT_DTYPES_H_
