// compression/analysis/conv_net_testing.h: a small network and configs for tests of methods.
//
//   auto model = make_conv_net();   // x [B, 3, 8, 8] -> conv1 (3 -> 8) -> relu -> conv2 (8 -> 8) -> mean -> fc (8 ->
//   4)

#ifndef PARE_COMPRESSION_ANALYSIS_CONV_NET_TESTING_H_
#define PARE_COMPRESSION_ANALYSIS_CONV_NET_TESTING_H_

#include <memory>
#include <string>

#include "config/compression_config.h"
#include "gmock/gmock.h"
#include "graph/model.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare {

// Random weights, the same each time, that require gradients; in evaluation mode.
std::shared_ptr<graph::Model> make_conv_net();

// The config of one method, at "$.compression".
AlgorithmConfig algorithm_config(const nlohmann::json& object);

// The model's output for a fixed batch of two; fails the test if there is none.
at::Tensor run(graph::Model& model);

// A step of gradient descent with momentum and weight decay by hand: moves every parameter that requires a gradient.
void train_step(graph::Model& model, double learning_rate);

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_CONV_NET_TESTING_H_
