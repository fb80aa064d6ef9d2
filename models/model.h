// models/model.h: what a built model is, without LibTorch's C++ API in sight.
//
//   PARE_ASSIGN_OR_RETURN(BuiltModel model, make_model("resnet20", {.num_classes = 10}));
//   at::Tensor scores = model.forward(at::zeros(model.input_shape));   // [B, num_classes]
//
// `module` is an ordinary torch::nn::Module: #include <torch/nn/module.h> to train it, or to list its parameters. It
// comes in training mode, as LibTorch's modules do.

#ifndef PARE_MODELS_MODEL_H_
#define PARE_MODELS_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace torch::nn {
class Module;
}

namespace pare::models {

struct ModelOptions {
  int64_t num_classes = 10;
  int64_t in_channels = 3;
  // Images are square: image_size x image_size.
  int64_t image_size = 32;
  // Of the initial weights: the same seed gives the same weights with the same version of LibTorch.
  uint64_t seed = 0;
};

struct BuiltModel {
  std::shared_ptr<torch::nn::Module> module;
  // Images [B, in_channels, image_size, image_size] to scores [B, num_classes], float32. Runs `module`, and throws what
  // LibTorch throws. The function keeps the module alive.
  std::function<at::Tensor(const at::Tensor&)> forward;
  // (1, in_channels, image_size, image_size)
  std::vector<int64_t> input_shape;
};

}  // namespace pare::models

#endif  // PARE_MODELS_MODEL_H_
