#include "models/mlp.h"

#include <ATen/ops/flatten.h>
#include <ATen/ops/relu.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include <memory>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "models/model_building.h"

namespace pare::models {
namespace {

struct PerceptronImpl : torch::nn::Module {
  PerceptronImpl(const MlpOptions& options, const ModelOptions& model) {
    int64_t features = model.in_channels * model.image_size * model.image_size;
    for (int64_t i = 0; i <= options.layers; ++i) {
      const int64_t out = i == options.layers ? model.num_classes : options.hidden;
      layers.push_back(register_module("fc" + std::to_string(i + 1), torch::nn::Linear(features, out)));
      features = out;
    }
  }

  at::Tensor forward(const at::Tensor& images) {
    at::Tensor x = at::flatten(images, 1);
    for (size_t i = 0; i < layers.size(); ++i) {
      x = layers[i](x);
      if (i + 1 < layers.size()) x = at::relu(x);
    }
    return x;
  }

  std::vector<torch::nn::Linear> layers;
};

}  // namespace

absl::StatusOr<BuiltModel> make_mlp(const MlpOptions& options, const ModelOptions& model) {
  PARE_RETURN_IF_ERROR(check_range("mlp", "hidden", options.hidden, 1, kMostWidth));
  PARE_RETURN_IF_ERROR(check_range("mlp", "layers", options.layers, 0, 1000));
  return build_model("mlp", model, [&] { return std::make_shared<PerceptronImpl>(options, model); });
}

}  // namespace pare::models
