#include "graph/clone.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "graph/hooks.h"
#include "graph/model.h"
#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare::graph {
namespace {

class Scale : public Transform {
 public:
  std::string_view type() const override { return "scale"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0].mul(inputs[1]); }
};

// y = linear(x, scale(weight)) + bias, hooked at x as well
std::unique_ptr<Graph> make_graph() {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  Value* weight = graph->add_parameter("fc.weight", at::ones({2, 3}).set_requires_grad(true)).value();
  Value* offset = graph->add_buffer("fc.offset", at::ones({2})).value();
  Node* linear = graph->add_operator("aten::linear", "", {x, weight, offset}, {.scope = "fc"}).value();
  graph->set_output(linear->output());
  Value* scale = graph->add_parameter("fc.scale", at::ones({1}).mul(3)).value();
  EXPECT_TRUE(insert_weight_hook(*graph, weight, std::make_shared<Scale>(), {scale}).ok());
  graph->add_size_check({x, 1, 3});
  return graph;
}

at::Tensor run(Model& model) { return model.forward_tensor({at::ones({1, 3})}).value(); }

TEST(CloneGraph, ComputesTheSameWithTensorsOfItsOwn) {
  Model model(make_graph());
  auto copy = clone_graph(model.graph());
  ASSERT_TRUE(copy.ok()) << copy.status();
  ASSERT_TRUE(validate(**copy).ok());
  EXPECT_EQ((*copy)->size_checks().size(), 1u);
  EXPECT_TRUE((*copy)->find_parameter("fc.weight")->tensor().requires_grad());
  EXPECT_TRUE((*copy)->find_parameter("fc.offset")->is_buffer());
  Model other(*std::move(copy));
  EXPECT_TRUE(at::equal(run(other), run(model)));
  model.graph().find_parameter("fc.weight")->tensor().detach().zero_();
  EXPECT_EQ(run(other).sum().item<double>(), 20);
  EXPECT_EQ(run(model).sum().item<double>(), 2);
}

TEST(CloneGraph, WithoutTransformsNothingOfThemIsLeft) {
  Model model(make_graph());
  auto copy = clone_graph(model.graph(), {.without_transforms = true});
  ASSERT_TRUE(copy.ok()) << copy.status();
  ASSERT_TRUE(validate(**copy).ok());
  EXPECT_EQ((*copy)->num_nodes(), 1u);
  EXPECT_EQ((*copy)->find_parameter("fc.scale"), nullptr);
  Model other(*std::move(copy));
  EXPECT_EQ(run(other).sum().item<double>(), 8);
}

}  // namespace
}  // namespace pare::graph
