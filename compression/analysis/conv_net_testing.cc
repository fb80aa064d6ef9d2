#include "compression/analysis/conv_net_testing.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace pare {
namespace {

at::Tensor random(at::IntArrayRef sizes, uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed));
}

graph::Value* parameter(graph::Graph& graph, const std::string& name, at::IntArrayRef sizes, uint64_t seed) {
  return graph.add_parameter(name, random(sizes, seed).mul(0.3).set_requires_grad(true)).value();
}

graph::Value* add(graph::Graph& graph, const std::string& scope, const char* op, const char* overload,
                  std::vector<graph::Value*> inputs) {
  return graph.add_operator(op, overload, std::move(inputs), {.scope = scope}).value()->output();
}

graph::Value* add_conv(graph::Graph& graph, const std::string& name, graph::Value* x, int64_t in, int64_t out) {
  const auto list = [&](int64_t value) { return graph.add_constant(std::vector<int64_t>{value, value}); };
  return add(graph, name, "aten::conv2d", "",
             {x, parameter(graph, absl::StrCat(name, ".weight"), {out, in, 3, 3}, static_cast<uint64_t>(out + in)),
              graph.add_constant({}), list(1), list(1), list(1), graph.add_constant(int64_t{1})});
}

}  // namespace

std::shared_ptr<graph::Model> make_conv_net() {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value* x = add_conv(*graph, "conv1", graph->add_input("x"), 3, 8);
  x = add(*graph, "act", "aten::relu", "", {x});
  x = add_conv(*graph, "conv2", x, 8, 8);
  x = add(*graph, "pool", "aten::mean", "dim",
          {x, graph->add_constant(std::vector<int64_t>{2, 3}), graph->add_constant(false), graph->add_constant({})});
  graph::Value* weight = parameter(*graph, "fc.weight", {4, 8}, 5);
  graph::Value* bias = parameter(*graph, "fc.bias", {4}, 6);
  graph->set_output(add(*graph, "fc", "aten::linear", "", {x, weight, bias}));
  return std::make_shared<graph::Model>(std::move(graph));
}

AlgorithmConfig algorithm_config(const nlohmann::json& object) {
  AlgorithmConfig config;
  config.name = object.at("algorithm").get<std::string>();
  config.object = object;
  config.path = "$.compression";
  for (const char* key : {"target_scopes", "ignored_scopes"}) {
    if (!object.contains(key)) continue;
    auto& scopes = std::string(key) == "target_scopes" ? config.target_scopes : config.ignored_scopes;
    scopes = object[key].get<std::vector<std::string>>();
  }
  return config;
}

at::Tensor run(graph::Model& model) {
  auto output = model.forward_tensor({random({2, 3, 8, 8}, 9)});
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? *output : at::Tensor();
}

void train_step(graph::Model& model, double learning_rate) {
  model.train();
  model.zero_grad();
  run(model).square().sum().backward();
  const at::NoGradGuard no_grad;
  for (at::Tensor parameter : model.parameters()) {
    if (!parameter.grad().defined()) continue;
    parameter.sub_(parameter.grad().add(parameter, 1e-2), learning_rate);
  }
  model.eval();
}

}  // namespace pare
