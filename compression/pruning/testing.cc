#include "compression/pruning/testing.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <algorithm>

#include "graph/import.h"
#include "gtest/gtest.h"

namespace pare::pruning {
namespace {

void randomize(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  const at::Generator generator = at::detail::createCPUGenerator(5);
  for (at::Tensor& parameter : module.parameters()) {
    if (parameter.dim() < 2) parameter.add_(at::rand(parameter.sizes(), generator), 0.3);
  }
  for (const auto& item : module.named_buffers()) {
    at::Tensor buffer = item.value();
    if (buffer.is_floating_point() && buffer.numel() > 0) buffer.add_(at::rand(buffer.sizes(), generator), 0.3);
  }
}

}  // namespace

std::shared_ptr<graph::Model> import_built(const absl::StatusOr<models::BuiltModel>& built) {
  EXPECT_TRUE(built.ok()) << built.status();
  if (!built.ok()) return nullptr;
  randomize(*built->module);
  auto model =
      graph::import_module(*built->module, [&](const std::vector<at::Tensor>& x) { return built->forward(x[0]); },
                           {at::zeros(built->input_shape)});
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;
}

AlgorithmConfig pruning_config(nlohmann::json params, nlohmann::json more) {
  AlgorithmConfig config;
  config.name = "filter_pruning";
  config.path = "$.compression";
  config.object = {{"algorithm", "filter_pruning"}, {"params", std::move(params)}};
  if (config.object["params"].is_null()) config.object["params"] = nlohmann::json::object();
  if (!more.is_null()) config.object.update(more);
  if (more.contains("ignored_scopes")) config.ignored_scopes = more["ignored_scopes"].get<std::vector<std::string>>();
  return config;
}

std::unique_ptr<FilterPruning> prune(const std::shared_ptr<graph::Model>& model, nlohmann::json params,
                                     const InputSize& input_size) {
  nlohmann::json all = {{"schedule", "baseline"}, {"round_to", 1}};
  if (!params.is_null()) all.update(params);
  auto method = FilterPruning::create(model, pruning_config(std::move(all)), input_size);
  EXPECT_TRUE(method.ok()) << method.status();
  return method.ok() ? *std::move(method) : nullptr;
}

at::Tensor images(std::vector<int64_t> shape, int64_t batch, uint64_t seed) {
  shape[0] = batch;
  return at::randn(shape, at::detail::createCPUGenerator(seed));
}

at::Tensor run(graph::Model& model, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  auto output = model.forward_tensor({input});
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? *output : at::zeros({1});
}

void train(graph::Model& model, const at::Tensor& input, int steps, double learning_rate) {
  model.train();
  for (int step = 0; step < steps; ++step) {
    model.zero_grad();
    auto output = model.forward_tensor({input});
    ASSERT_TRUE(output.ok()) << output.status();
    output->square().mean().backward();
    const at::NoGradGuard no_grad;
    for (at::Tensor parameter : model.parameters()) {
      if (parameter.grad().defined()) parameter.sub_(parameter.grad(), learning_rate);
    }
  }
  model.eval();
}

double difference(const at::Tensor& one, const at::Tensor& other) {
  if (one.sizes() != other.sizes()) return 1e9;
  return one.sub(other).abs().max().item<double>() / std::max(other.abs().max().item<double>(), 1e-12);
}

}  // namespace pare::pruning
