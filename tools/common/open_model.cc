#include "tools/common/open_model.h"

#include <ATen/ops/zeros.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/import.h"
#include "models/model_registry.h"

namespace pare::tools {

namespace {

// The options with the channels and the image size of `input_shape`, if there is one.
absl::StatusOr<models::ModelOptions> options_for(const std::string& name, const std::vector<int64_t>& input_shape,
                                                 models::ModelOptions options) {
  if (input_shape.empty()) return options;
  if (input_shape.size() != 4 || input_shape[2] != input_shape[3]) {
    return absl::InvalidArgumentError(absl::StrCat("an input of shape ", absl::StrJoin(input_shape, ","), ": ", name,
                                                   " of models/ takes square images, batch first: 1,3,32,32"));
  }
  options.in_channels = input_shape[1];
  options.image_size = input_shape[2];
  return options;
}

}  // namespace

bool is_model_file(const std::string& name) {
  std::error_code error;
  return name.find('/') != std::string::npos || name.find('.') != std::string::npos ||
         std::filesystem::exists(name, error);
}

models::ModelOptions model_options(const data::ImageDataset& images, uint64_t seed) {
  const data::ImageShape shape = images.shape();
  return {.num_classes = images.num_classes(), .in_channels = shape.channels, .image_size = shape.height, .seed = seed};
}

absl::StatusOr<OpenedModel> open_model(const std::string& name, const std::vector<int64_t>& input_shape,
                                       const models::ModelOptions& options) {
  if (name.empty()) return absl::InvalidArgumentError("no model was named");
  OpenedModel opened;
  if (is_model_file(name)) {
    graph::ImportOptions import_options;
    if (!input_shape.empty()) import_options.input_shapes = {input_shape};
    PARE_ASSIGN_OR_RETURN(opened.model, graph::import_torchscript(name, import_options));
    opened.input_shape = input_shape;
    return opened;
  }
  if (!models::has_model(name)) {
    return absl::NotFoundError(absl::StrCat("'", name, "' is no TorchScript file, and no model of models/, which are ",
                                            absl::StrJoin(models::model_names(), ", ")));
  }
  PARE_ASSIGN_OR_RETURN(const models::ModelOptions fitting, options_for(name, input_shape, options));
  PARE_ASSIGN_OR_RETURN(models::BuiltModel built, models::make_model(name, fitting));
  const auto forward = [&built](const std::vector<at::Tensor>& inputs) { return built.forward(inputs[0]); };
  PARE_ASSIGN_OR_RETURN(const at::Tensor example,
                        guard_torch(absl::StrCat("an input for ", name), [&] { return at::zeros(built.input_shape); }));
  PARE_ASSIGN_OR_RETURN(opened.model, graph::import_module(*built.module, forward, {example}));
  opened.input_shape = built.input_shape;
  opened.is_random = true;
  return opened;
}

}  // namespace pare::tools
