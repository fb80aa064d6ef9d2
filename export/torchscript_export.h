// export/torchscript_export.h: writes a model as TorchScript, for LibTorch and for torch.jit.load in Python.
//
//   PARE_RETURN_IF_ERROR(export_torchscript(*model, {{1, 3, 32, 32}}, "model.pt"));
//
// Parameters and buffers keep their names ("layer1.0.conv1.weight") and so the state dict of the source model;
// quantizers are ATen's fake-quantize operators. The module computes as in evaluation mode, for every batch size for
// which the graph does. It does not hold the source's code, only what it computes.

#ifndef PARE_EXPORT_TORCHSCRIPT_EXPORT_H_
#define PARE_EXPORT_TORCHSCRIPT_EXPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/model.h"

namespace pare::exporters {

// The shapes are not needed, and are there for the sake of graph::Exporter. Errors: Unimplemented (a Transform that is
// left), InvalidArgument (a tensor that holds a NaN; LibTorch refuses the graph, with its message), and those of
// base/atomic_file.h.
absl::Status export_torchscript(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes,
                                const std::string& path);

// The file's content. It has been loaded again as a check.
absl::StatusOr<std::string> to_torchscript(const graph::Graph& graph);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_TORCHSCRIPT_EXPORT_H_
