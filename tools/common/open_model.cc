#include "tools/common/open_model.h"

#include <ATen/ops/zeros.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "graph/import.h"
#include "models/model_registry.h"

namespace pare::tools {

namespace {

bool looks_like_file(const std::string& name) {
  std::error_code error;
  return name.find('/') != std::string::npos || name.find('.') != std::string::npos ||
         std::filesystem::exists(name, error);
}

}  // namespace

absl::StatusOr<OpenedModel> open_model(const std::string& name, const std::vector<int64_t>& input_shape,
                                       const models::ModelOptions& options) {
  if (name.empty()) return absl::InvalidArgumentError("no model was named");
  OpenedModel opened;
  if (looks_like_file(name)) {
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
  PARE_ASSIGN_OR_RETURN(models::BuiltModel built, models::make_model(name, options));
  const auto forward = [&built](const std::vector<at::Tensor>& inputs) { return built.forward(inputs[0]); };
  PARE_ASSIGN_OR_RETURN(opened.model, graph::import_module(*built.module, forward, {at::zeros(built.input_shape)}));
  opened.input_shape = built.input_shape;
  opened.is_random = true;
  return opened;
}

}  // namespace pare::tools
