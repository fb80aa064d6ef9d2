// graph/exporters.h: file formats that a model can be written in, by the ending of the file's name.
//
//   register_exporter(".onnx", export_onnx);
//   PARE_RETURN_IF_ERROR(write_model(*model, input_shapes, "out.onnx"));
//
// The exporters themselves are in export/, above; a program that links one (they register themselves) can write its
// format. An exporter sees ATen operators alone: methods turn their transforms into them first
// (CompressionAlgorithm::prepare_for_export).

#ifndef PARE_GRAPH_EXPORTERS_H_
#define PARE_GRAPH_EXPORTERS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/model.h"

namespace pare::graph {

// `input_shapes`: of each input, batch first; used to run the model once. The model is in evaluation mode.
using Exporter = std::function<absl::Status(Model& model, const std::vector<std::vector<int64_t>>& input_shapes,
                                            const std::string& path)>;

// `ending` with its dot, in lower case. An ending that is taken keeps its exporter, and `false` is returned.
// Thread-safe, as are the others.
bool register_exporter(const std::string& ending, Exporter exporter);
std::vector<std::string> registered_exporters();  // the endings, in alphabetical order

// The exporter for the ending of `path` (in any case); the longest ending that fits. InvalidArgument that lists the
// known ones if there is none.
absl::StatusOr<Exporter> find_exporter(const std::string& path);

// Puts the model into evaluation mode, and hands it to find_exporter()'s; what that returns or throws is returned. Of a
// model on another device, the exporter gets a copy on the CPU: files are the same wherever a model was trained.
absl::Status write_model(Model& model, const std::vector<std::vector<int64_t>>& input_shapes, const std::string& path);

}  // namespace pare::graph

#endif  // PARE_GRAPH_EXPORTERS_H_
