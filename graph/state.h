// graph/state.h: the state of a model, tensors and transforms' settings, as one value and as a file.
//
//   PARE_RETURN_IF_ERROR(save_state(*model, "model.state"));
//   PARE_RETURN_IF_ERROR(load_state(*model, "model.state"));  // into a model of the same structure
//
// The file is LibTorch's own container of a dict (torch.load reads it in Python): names -> tensors, and under
// "__pare__" the transforms' states as JSON. Written atomically.

#ifndef PARE_GRAPH_STATE_H_
#define PARE_GRAPH_STATE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/model.h"
#include "nlohmann/json.hpp"

namespace pare::graph {

struct ModelState {
  std::map<std::string, at::Tensor> tensors;         // parameters and buffers, detached copies on the CPU
  std::map<std::string, nlohmann::json> transforms;  // node name -> its transform's state, where it has one
};

// Copies: throws c10::Error where there is no memory for them.
ModelState get_state(const Model& model);

// All or nothing: InvalidArgument that names what is missing (a tensor, a transform that keeps a state), what is
// unknown, and what has another shape. Tensors are written in place, so that an optimizer made before stays valid.
absl::Status set_state(Model& model, const ModelState& state);

absl::Status save_state(const Model& model, const std::string& path);
absl::Status load_state(Model& model, const std::string& path);

// The same container for anything else of the kind; what training checkpoints are made of. Metadata nested deeper than
// kMaxWrittenJsonDepth (base/written_json.h) are written, but not read again.
absl::StatusOr<std::string> serialize(const std::map<std::string, at::Tensor>& tensors, const nlohmann::json& metadata);
absl::Status deserialize(const std::string& bytes, const std::string& what, std::map<std::string, at::Tensor>* tensors,
                         nlohmann::json* metadata);

}  // namespace pare::graph

#endif  // PARE_GRAPH_STATE_H_
