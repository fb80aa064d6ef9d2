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
#include "data/dataset.h"
#include "graph/model.h"
#include "models/model.h"

namespace pare::tools {

struct OpenedModel {
  std::shared_ptr<graph::Model> model;  // in evaluation mode
  std::vector<int64_t> input_shape;     // batch first; empty if a file does not tell and nobody said
  bool is_random = false;               // made from models/, so its weights are random
};

// Whether `name` is taken for a file: there is one of this name, or it has an ending or a slash.
bool is_model_file(const std::string& name);

// What a model of models/ is made with for a data set's images.
models::ModelOptions model_options(const data::ImageDataset& images, uint64_t seed);

// A file, or else a model of models/, made with `options`. `input_shape` (may be empty) goes to the import of a file; a
// model of models/ is made for it, [B, C, S, S], instead of the options' channels and image size. Errors: NotFound with
// the names of models/; InvalidArgument for a shape that is not of square images; those of graph/import.h.
absl::StatusOr<OpenedModel> open_model(const std::string& name, const std::vector<int64_t>& input_shape,
                                       const models::ModelOptions& options);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_OPEN_MODEL_H_
