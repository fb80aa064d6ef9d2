// models/model_registry.h: models by name.
//
//   PARE_ASSIGN_OR_RETURN(BuiltModel model, make_model("resnet20", {.num_classes = 10}));
//   register_model("my_net", [](const ModelOptions& options) { return make_my_net(options); });
//
// Built in: mlp, mobilenet_v2 (torchvision's, for images of 64 pixels and more it keeps the paper's strides, below the
// resolution is halved three times only), resnet20, resnet56, small_resnet (the demo's), vision_transformer.

#ifndef PARE_MODELS_MODEL_REGISTRY_H_
#define PARE_MODELS_MODEL_REGISTRY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/model.h"

namespace pare::models {

using ModelFactory = std::function<absl::StatusOr<BuiltModel>(const ModelOptions&)>;

// Errors: NotFound for an unknown name, with the known ones; InvalidArgument for options that the model refuses.
absl::StatusOr<BuiltModel> make_model(const std::string& name, const ModelOptions& options);

bool has_model(const std::string& name);

// In alphabetical order.
std::vector<std::string> model_names();

// Makes a model of one's own known. Safe from any thread. Errors: AlreadyExists.
absl::Status register_model(const std::string& name, ModelFactory factory);

}  // namespace pare::models

#endif  // PARE_MODELS_MODEL_REGISTRY_H_
