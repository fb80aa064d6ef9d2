// tools/common/open_model.h: a model by what a user calls it: a TorchScript file, or the name of a model of models/.
//
//   PARE_ASSIGN_OR_RETURN(OpenedModel opened, open_model("resnet20_cifar10.pt", {}));

#ifndef PARE_TOOLS_COMMON_OPEN_MODEL_H_
#define PARE_TOOLS_COMMON_OPEN_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/model.h"
#include "models/model.h"

namespace pare::tools {

struct OpenedModel {
  std::shared_ptr<graph::Model> model;  // in evaluation mode
  std::vector<int64_t> input_shape;     // batch first; empty if a file does not tell and nobody said
  bool is_random = false;               // made from models/, so its weights are random
};

// `name` is a file if there is one of this name or if it has an ending or a slash; else a model of models/, made with
// `options`. `input_shape` (may be empty) goes to the import of a file. Errors: NotFound with the names of models/;
// those of graph/import.h.
absl::StatusOr<OpenedModel> open_model(const std::string& name, const std::vector<int64_t>& input_shape,
                                       const models::ModelOptions& options);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_OPEN_MODEL_H_
