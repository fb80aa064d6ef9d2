#include "graph/hooks.h"

#include <ATen/ATen.h>

#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare::graph {
namespace {

class Scale : public Transform {
 public:
  std::string_view type() const override { return "scale"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * inputs[1]; }
};

// y = relu(x + x), in scope "block".
struct AddRelu {
  AddRelu() {
    x = graph.add_input("x");
    add = *graph.add_operator("aten::add", "Tensor", {x, x, graph.add_constant(1)}, {.scope = "block"});
    relu = *graph.add_operator("aten::relu", "", {add->output()}, {.scope = "block"});
    graph.set_output(relu->output());
  }
  Graph graph;
  Value* x;
  Node* add;
  Node* relu;
};

TEST(Hooks, APreHookIsSeenByOneInputAlone) {
  AddRelu g;
  Value* scale = *g.graph.add_parameter("s", at::ones({1}));
  Node* hook = *insert_pre_hook(g.graph, g.add, 1, std::make_shared<Scale>(), {scale});
  EXPECT_EQ(g.add->input(0), g.x);
  EXPECT_EQ(g.add->input(1), hook->output());
  EXPECT_EQ(hook->name(), "block/pare::scale");
  EXPECT_TRUE(validate(g.graph).ok());
  EXPECT_FALSE(insert_pre_hook(g.graph, g.add, 3, std::make_shared<Scale>(), {scale}).ok());
}

TEST(Hooks, APostHookTakesAllUsesOrThoseThatAreGiven) {
  AddRelu g;
  Value* scale = *g.graph.add_parameter("s", at::ones({1}));
  Node* on_input = *insert_post_hook(g.graph, g.x, std::make_shared<Scale>(), {scale}, {{g.add, 1}});
  EXPECT_EQ(g.add->input(0), g.x);
  EXPECT_EQ(g.add->input(1), on_input->output());
  Node* on_output = *insert_post_hook(g.graph, g.relu->output(), std::make_shared<Scale>(), {scale});
  EXPECT_EQ(g.graph.output(), on_output->output());
  EXPECT_TRUE(validate(g.graph).ok());
  EXPECT_FALSE(insert_post_hook(g.graph, g.x, std::make_shared<Scale>(), {scale}, {{g.relu, 0}}).ok());
  EXPECT_FALSE(insert_post_hook(g.graph, scale, std::make_shared<Scale>(), {scale}).ok());
}

TEST(Hooks, AWeightHookServesASharedWeightOnce) {
  Graph graph;
  Value* x = graph.add_input("x");
  Value* weight = *graph.add_parameter("w", at::ones({2, 2}));
  Node* first = *graph.add_operator("aten::matmul", "", {x, weight}, {});
  Node* second = *graph.add_operator("aten::matmul", "", {first->output(), weight}, {});
  graph.set_output(second->output());
  Node* hook =
      *insert_weight_hook(graph, weight, std::make_shared<Scale>(), {*graph.add_parameter("s", at::ones({1}))});
  EXPECT_EQ(first->input(1), hook->output());
  EXPECT_EQ(second->input(1), hook->output());
  EXPECT_TRUE(graph.is_before(hook, first));
  EXPECT_TRUE(validate(graph).ok());
  ASSERT_TRUE(remove_hook(graph, hook).ok());
  EXPECT_EQ(second->input(1), weight);
  EXPECT_FALSE(remove_hook(graph, first).ok());
}

}  // namespace
}  // namespace pare::graph
