#include "graph/simplify.h"

#include <ATen/ops/_convolution.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/model.h"
#include "graph/validate.h"

namespace pare::graph {
namespace {

using Ints = std::vector<int64_t>;

// What a trace holds of a convolution with the given weight's shape.
std::unique_ptr<Graph> convolution(const Ints& weight_shape, bool transposed, const Ints& ones) {
  auto graph = std::make_unique<Graph>();
  const auto constant = [&](c10::IValue value) { return graph->add_constant(std::move(value)); };
  Value* weight = *graph->add_parameter("weight", at::rand(weight_shape));
  const Ints zeros(ones.size(), 0);
  Node* node = *graph->add_operator("aten::_convolution", "",
                                    {graph->add_input("x"), weight, constant({}), constant(ones), constant(zeros),
                                     constant(ones), constant(transposed), constant(zeros), constant(1),
                                     constant(false), constant(false), constant(true), constant(true)},
                                    {.scope = "conv"});
  graph->set_output(node->output());
  return graph;
}

TEST(SimplifyTest, ConvolutionsGetTheNameOfTheirKind) {
  struct Case {
    Ints weight, ones, input;
    bool transposed;
    std::string op;
  };
  const std::vector<Case> cases = {
      {{4, 3, 3}, {1}, {2, 3, 8}, false, "aten::conv1d"},
      {{4, 3, 3, 3}, {1, 1}, {2, 3, 8, 8}, false, "aten::conv2d"},
      {{4, 3, 2, 2, 2}, {1, 1, 1}, {1, 3, 4, 4, 4}, false, "aten::conv3d"},
      {{3, 4, 3}, {1}, {2, 3, 8}, true, "aten::conv_transpose1d"},
      {{3, 4, 3, 3}, {1, 1}, {2, 3, 8, 8}, true, "aten::conv_transpose2d"},
  };
  for (const Case& each : cases) {
    Model model(convolution(each.weight, each.transposed, each.ones));
    const at::Tensor x = at::rand(each.input);
    const at::Tensor before = *model.forward_tensor({x});
    ASSERT_TRUE(simplify(model.graph()).ok()) << each.op;
    ASSERT_TRUE(validate(model.graph()).ok()) << each.op;
    ASSERT_EQ(model.graph().num_nodes(), 1u);
    EXPECT_EQ(model.graph().nodes()[0]->op(), each.op);
    EXPECT_EQ(model.graph().nodes()[0]->scope(), "conv");
    EXPECT_TRUE(at::equal(*model.forward_tensor({x}), before)) << each.op;
  }
}

TEST(SimplifyTest, AConvolutionThatIsPaddedByNameIsOneToo) {
  Graph* graph = new Graph;
  Model model{std::unique_ptr<Graph>(graph)};
  const auto constant = [&](c10::IValue value) { return graph->add_constant(std::move(value)); };
  Value* weight = *graph->add_parameter("weight", at::rand({4, 3, 3, 4}));
  Node* node = *graph->add_operator("aten::_convolution_mode", "",
                                    {graph->add_input("x"), weight, constant({}), constant(Ints{1, 1}),
                                     constant(std::string("same")), constant(Ints{1, 1}), constant(1)},
                                    {.scope = "conv"});
  graph->set_output(node->output());
  const at::Tensor x = at::rand({2, 3, 8, 8});
  const at::Tensor before = *model.forward_tensor({x});
  ASSERT_TRUE(simplify(*graph).ok());
  ASSERT_TRUE(validate(*graph).ok());
  ASSERT_EQ(graph->num_nodes(), 1u);
  EXPECT_EQ(graph->nodes()[0]->op(), "aten::conv2d");
  EXPECT_EQ(graph->nodes()[0]->scope(), "conv");
  EXPECT_TRUE(at::equal(*model.forward_tensor({x}), before));
}

TEST(SimplifyTest, ASliceOfEverythingGoesAndAnyOtherStays) {
  Graph graph;
  const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
  Value* x = graph.add_input("x");
  Node* whole = *graph.add_operator(
      "aten::slice", "Tensor",
      {x, constant(0), constant(0), constant(std::numeric_limits<int64_t>::max()), constant(1)}, {});
  Node* half = *graph.add_operator("aten::slice", "Tensor",
                                   {whole->output(), constant(1), constant({}), constant({}), constant(2)}, {});
  graph.set_output(half->output());
  ASSERT_TRUE(simplify(graph).ok());
  ASSERT_EQ(graph.num_nodes(), 1u);
  EXPECT_EQ(half->input(0), x);
}

class JoinLinearTest : public testing::Test {
 protected:
  Value* add(std::string_view op, std::string_view overload, std::vector<Value*> inputs, std::string scope = "") {
    return (*graph().add_operator(op, overload, std::move(inputs), {.scope = std::move(scope)}))->output();
  }

  Value* constant(c10::IValue value) { return graph().add_constant(std::move(value)); }

  // The operators left, after a check that the results are the same.
  std::vector<std::string> run(Value* output, const Ints& input_shape) {
    graph().set_output(output);
    const at::Tensor x = at::rand(input_shape);
    const at::Tensor before = *model_.forward_tensor({x});
    EXPECT_TRUE(join_linear(graph()).ok());
    graph().remove_dead_nodes();
    EXPECT_TRUE(validate(graph()).ok());
    EXPECT_TRUE(at::allclose(*model_.forward_tensor({x}), before));
    std::vector<std::string> names;
    for (const Node* node : graph().nodes()) names.push_back(node->name());
    return names;
  }

  Graph& graph() { return model_.graph(); }

  Model model_{std::make_unique<Graph>()};
  Value* x_ = graph().add_input("x");
  Value* weight_ = *graph().add_parameter("fc.weight", at::rand({5, 4}));
  Value* bias_ = *graph().add_parameter("fc.bias", at::rand({5}));
};

TEST_F(JoinLinearTest, AMatrixProductWithABiasIsALinearLayer) {
  Value* y = add("aten::addmm", "", {bias_, x_, add("aten::t", "", {weight_}, "fc"), constant(1), constant(1)}, "fc");
  EXPECT_EQ(run(y, {2, 4}), (std::vector<std::string>{"fc/aten::linear"}));
}

TEST_F(JoinLinearTest, SoIsAProductOfMoreDimensionsAndAnAddition) {
  Value* product = add("aten::matmul", "", {x_, add("aten::t", "", {weight_}, "fc")});
  Value* y = add("aten::add", "Tensor", {product, bias_, constant(1)}, "fc");
  EXPECT_EQ(run(y, {2, 3, 4}), (std::vector<std::string>{"fc/aten::linear"}));
}

TEST_F(JoinLinearTest, AProductWithoutBiasIsOneToo) {
  Value* y = add("aten::matmul", "", {x_, add("aten::transpose", "int", {weight_, constant(0), constant(1)}, "fc")});
  EXPECT_EQ(run(add("aten::relu", "", {y}), {2, 4}), (std::vector<std::string>{"fc/aten::linear", "aten::relu"}));
}

TEST_F(JoinLinearTest, AProductThatIsUsedTwiceKeepsItsAddition) {
  Value* product = add("aten::matmul", "", {x_, add("aten::t", "", {weight_}, "fc")});
  Value* sum = add("aten::add", "Tensor", {product, bias_, constant(1)});
  Value* y = add("aten::mul", "Tensor", {sum, product});
  EXPECT_EQ(run(y, {2, 4}), (std::vector<std::string>{"fc/aten::linear", "aten::add", "aten::mul"}));
}

TEST_F(JoinLinearTest, AScaledBiasIsLeftAlone) {
  Value* y = add("aten::addmm", "", {bias_, x_, add("aten::t", "", {weight_}), constant(2), constant(1)});
  EXPECT_EQ(run(y, {2, 4}), (std::vector<std::string>{"aten::t", "aten::addmm"}));
}

TEST(SimplifyTest, AConvolutionsDimensionsAreItsWeights) {
  // One number for both dimensions, as LibTorch allows.
  Model model(std::make_unique<Graph>());
  Graph& graph = model.graph();
  const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
  const auto one = std::vector<int64_t>{1}, none = std::vector<int64_t>{0};
  Value* x = graph.add_input("x");
  Value* weight = *graph.add_parameter("weight", at::ones({2, 3, 1, 1}));
  const auto node = graph.add_operator(
      "aten::_convolution", "",
      {x, weight, constant({}), constant(one), constant(none), constant(one), constant(false), constant(none),
       constant(1), constant(false), constant(false), constant(true), constant(true)},
      {});
  ASSERT_TRUE(node.ok()) << node.status();
  graph.set_output((*node)->output());
  ASSERT_TRUE(simplify(graph).ok());
  EXPECT_EQ(graph.output()->producer()->op(), "aten::conv2d");
  EXPECT_TRUE(model.forward_tensor({at::ones({1, 3, 2, 2})}).ok());
}

}  // namespace
}  // namespace pare::graph
