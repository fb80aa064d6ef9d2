// tests/cost/resnet20_network.h: CIFAR ResNet-20 as a module of LibTorch and as a graph, and a training step of each
// without the optimizer.
//
//   Network network(c10::Device(c10::kCPU)), quantized(c10::Device(c10::kCPU));
//   quantized.quantize();
//   quantized.step_graph(images, targets);
//
// For benchmarks: what fails ends the program.

#ifndef PARE_TESTS_COST_RESNET20_NETWORK_H_
#define PARE_TESTS_COST_RESNET20_NETWORK_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "compression/algorithm.h"
#include "graph/model.h"
#include "models/model_registry.h"

namespace pare {

// As a module and as a graph; they share their tensors.
class Network {
 public:
  explicit Network(c10::Device device);

  void quantize();
  // Half of the weights are to be zero.
  void sparsify(const std::string& algorithm);

  void step_module(const at::Tensor& images, const at::Tensor& targets);
  void step_graph(const at::Tensor& images, const at::Tensor& targets);

 private:
  void compress(const std::string& text);

  c10::Device device_;
  models::BuiltModel built_;
  std::shared_ptr<graph::Model> model_;
  std::unique_ptr<CompressionAlgorithm> compression_;
};

// Random ones for a step.
at::Tensor random_images(int64_t batch, c10::Device device);
at::Tensor random_targets(int64_t batch, c10::Device device);

}  // namespace pare

#endif  // PARE_TESTS_COST_RESNET20_NETWORK_H_
