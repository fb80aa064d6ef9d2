// compression/pruning/testing.h: networks and helpers for this folder's tests.
//
//   const auto model = import_built(models::make_model("resnet20", {}));
//   const auto method = prune(model, {{"pruning_target", 0.5}});      // masked at once
//
// Weights are random, the same each time, and nothing is left at a value that hides mistakes (batch norms at 1 and 0,
// biases at 0).

#ifndef PARE_COMPRESSION_PRUNING_TESTING_H_
#define PARE_COMPRESSION_PRUNING_TESTING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compression/pruning/filter_pruning.h"
#include "graph/model.h"
#include "models/model.h"
#include "nlohmann/json.hpp"

namespace pare::pruning {

// Fails the test if there is none.
std::shared_ptr<graph::Model> import_built(const absl::StatusOr<models::BuiltModel>& built);

// On images [B, 3, 16, 16], four classes.
models::BuiltModel make_dense_net();           // blocks whose inputs are concatenated with their outputs
models::BuiltModel make_squeeze_excite_net();  // gates computed from the channels that they are multiplied with
models::BuiltModel make_grouped_net();         // grouped convolutions with a channel shuffle between, a split, PReLU
models::BuiltModel make_decoder_net();         // transposed convolutions, interpolation, GLU, a flattening to a layer

AlgorithmConfig pruning_config(nlohmann::json params, nlohmann::json more = nlohmann::json::object());

// By a baseline schedule, unless `params` has another: at the target from the start. round_to is 1 unless given.
std::unique_ptr<FilterPruning> prune(const std::shared_ptr<graph::Model>& model, nlohmann::json params,
                                     const InputSize& input_size);

// Random images of this shape, the same for the same seed.
at::Tensor images(std::vector<int64_t> shape, int64_t batch, uint64_t seed = 1);

// The model's output; fails the test if there is none.
at::Tensor run(graph::Model& model, const at::Tensor& input);

// Steps of gradient descent on the sum of squares of the output, in training mode.
void train(graph::Model& model, const at::Tensor& input, int steps, double learning_rate);

// The greatest difference, as a share of the greatest magnitude of the second.
double difference(const at::Tensor& one, const at::Tensor& other);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_TESTING_H_
