#include "compression/tiny_model.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

namespace pare {

namespace {

graph::Value* add_linear(graph::Graph& graph, graph::Value* input, const std::string& name, int64_t in, int64_t out) {
  const at::Tensor weight = at::arange(in * out, at::kFloat).reshape({out, in}).sub(3).mul(0.1).set_requires_grad(true);
  graph::Value* w = graph.add_parameter(name + ".weight", weight).value();
  graph::Value* b = graph.add_parameter(name + ".bias", at::full({out}, 0.5).set_requires_grad(true)).value();
  const graph::NodePlace place{.scope = name, .scope_types = {"TinyNet", "Linear"}};
  return graph.add_operator("aten::linear", "", {input, w, b}, place).value()->output();
}

}  // namespace

std::shared_ptr<graph::Model> make_tiny_model() {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value* value = add_linear(*graph, graph->add_input("x"), "fc1", 4, 3);
  const graph::NodePlace place{.scope = "act", .scope_types = {"TinyNet", "ReLU"}};
  value = graph->add_operator("aten::relu", "", {value}, place).value()->output();
  graph->set_output(add_linear(*graph, value, "fc2", 3, 2));
  return std::make_shared<graph::Model>(std::move(graph));
}

}  // namespace pare
