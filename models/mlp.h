// models/mlp.h: a multilayer perceptron: the pixels flattened, hidden layers with ReLU, a linear layer.
//
//   PARE_ASSIGN_OR_RETURN(BuiltModel model, make_mlp({.hidden = 256, .layers = 2}, {.in_channels = 1, .image_size =
//   28}));
//
// State dict: fc1 ... fc<layers + 1>. Initial weights: LibTorch's default for linear layers.

#ifndef PARE_MODELS_MLP_H_
#define PARE_MODELS_MLP_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "models/model.h"

namespace pare::models {

struct MlpOptions {
  int64_t hidden = 256;  // Features of a hidden layer.
  int64_t layers = 2;    // Hidden layers: 0 (a linear model) ... 1000
};

// Errors: InvalidArgument for options out of range.
absl::StatusOr<BuiltModel> make_mlp(const MlpOptions& options, const ModelOptions& model);

}  // namespace pare::models

#endif  // PARE_MODELS_MLP_H_
