#include "graph/model.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "graph/hooks.h"
#include "graph/validate.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Multiplies by a factor that is part of its state.
class Factor : public Transform {
 public:
  std::string_view type() const override { return "factor"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * inputs[1] * factor; }
  nlohmann::json state() const override { return {{"factor", factor}}; }
  absl::Status set_state(const nlohmann::json& state) override {
    if (!state.contains("factor")) return absl::InvalidArgumentError("factor: missing");
    factor = state["factor"];
    return absl::OkStatus();
  }
  double factor = 1;
};

// linear(x, w) -> batch_norm -> relu, with a hook on the weight.
struct Net {
  Net() {
    auto owned = std::make_unique<Graph>();
    Graph& graph = *owned;
    const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
    Value* x = graph.add_input("x");
    weight = *graph.add_parameter("fc.weight", at::ones({3, 2}).set_requires_grad(true));
    Value* scale = *graph.add_parameter("fc.scale", at::ones({1}).set_requires_grad(true));
    mean = *graph.add_buffer("bn.running_mean", at::zeros({3}));
    Value* variance = *graph.add_buffer("bn.running_var", at::ones({3}));
    Node* linear = *graph.add_operator("aten::linear", "", {x, weight, constant({})}, {.scope = "fc"});
    Node* norm = *graph.add_operator("aten::batch_norm", "",
                                     {linear->output(), constant({}), constant({}), mean, variance, graph.training(),
                                      constant(0.1), constant(0.0), constant(true)},
                                     {.scope = "bn"});
    Node* relu = *graph.add_operator("aten::relu", "", {norm->output()}, {});
    graph.set_output(relu->output());
    factor = std::make_shared<Factor>();
    EXPECT_TRUE(insert_weight_hook(graph, weight, factor, {scale}).ok());
    EXPECT_TRUE(validate(graph).ok());
    model = std::make_unique<Model>(std::move(owned));
  }
  std::unique_ptr<Model> model;
  std::shared_ptr<Factor> factor;
  Value* weight;
  Value* mean;
};

TEST(Model, RunsAndTrains) {
  Net net;
  const at::Tensor y = *net.model->forward_tensor({at::ones({4, 2})});
  EXPECT_TRUE(at::allclose(y, at::full({4, 3}, 2.0)));
  y.sum().backward();
  // Four rows of ones, through a scale of one.
  EXPECT_TRUE(at::allclose(net.weight->tensor().grad(), at::full({3, 2}, 4.0)));
  EXPECT_TRUE(at::allclose(net.model->graph().find_parameter("fc.scale")->tensor().grad(), at::full({1}, 24.0)));
  net.model->zero_grad();
  EXPECT_FALSE(net.weight->tensor().grad().defined());
}

TEST(Model, TheTrainingFlagFollowsTheMode) {
  Net net;
  const at::Tensor x = at::arange(8, at::kFloat).reshape({4, 2});
  EXPECT_FALSE(net.model->is_training());
  ASSERT_TRUE(net.model->forward_tensor({x}).ok());
  EXPECT_TRUE(at::equal(net.mean->tensor(), at::zeros({3})));
  net.model->train();
  ASSERT_TRUE(net.model->forward_tensor({x}).ok());
  // Row sums 1, 5, 9, 13: mean 7, of which momentum takes a tenth.
  EXPECT_TRUE(at::allclose(net.mean->tensor(), at::full({3}, 0.7)));
  net.model->eval();
  EXPECT_FALSE(net.model->is_training());
}

TEST(Model, ErrorsNameTheNode) {
  Net net;
  const absl::Status status = net.model->forward_tensor({at::ones({4, 5})}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fc/aten::linear: "));
  EXPECT_THAT(std::string(net.model->forward({}).status().message()), HasSubstr("takes 1 inputs, but 0"));
  EXPECT_TRUE(net.model->forward_tensor({at::ones({4, 2})}).ok());
}

TEST(Model, AChangedGraphIsCompiledAnew) {
  Net net;
  ASSERT_TRUE(net.model->forward_tensor({at::ones({1, 2})}).ok());
  Graph& graph = net.model->graph();
  Value* two = *graph.add_buffer("two", at::full({1}, 2.0));
  ASSERT_TRUE(insert_post_hook(graph, graph.output(), std::make_shared<Factor>(), {two}).ok());
  EXPECT_TRUE(at::allclose(*net.model->forward_tensor({at::ones({1, 2})}), at::full({1, 3}, 4.0)));
}

TEST(Model, AValueThatIsUsedTwiceByOneNodeSurvivesItsFirstUse) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  Node* relu = *graph->add_operator("aten::relu", "", {x}, {});
  Node* add = *graph->add_operator("aten::add", "Tensor", {relu->output(), relu->output(), graph->add_constant(1)}, {});
  graph->set_output(add->output());
  Model model(std::move(graph));
  EXPECT_TRUE(at::equal(*model.forward_tensor({at::ones({2})}), at::full({2}, 2.0)));
}

TEST(Model, TuplesListsAndUnusedInputs) {
  auto graph = std::make_unique<Graph>();
  graph->add_input("unused");
  Value* x = graph->add_input("x");
  Node* list = *graph->add_structure("prim::ListConstruct", {x, x}, 1, {}, c10::TensorType::get());
  Node* cat = *graph->add_operator("aten::cat", "", {list->output(), graph->add_constant(0)}, {});
  Node* split =
      *graph->add_operator("aten::chunk", "", {cat->output(), graph->add_constant(2), graph->add_constant(0)}, {});
  Node* parts = *graph->add_structure("prim::ListUnpack", {split->output()}, 2, {});
  Node* tuple = *graph->add_structure("prim::TupleConstruct", {parts->output(1), x}, 1, {});
  graph->set_output(tuple->output());
  ASSERT_TRUE(validate(*graph).ok());
  EXPECT_FALSE(graph->add_structure("prim::ListConstruct", {x}, 1, {}).ok());
  EXPECT_FALSE(graph->add_structure("prim::Nothing", {x}, 1, {}).ok());
  Model model(std::move(graph));
  const at::Tensor input = at::arange(3, at::kFloat);
  EXPECT_TRUE(at::equal(*model.forward_tensor({at::zeros({1}), input}), input));
}

TEST(Model, TheObserverSeesEveryNode) {
  Net net;
  std::vector<std::string> seen;
  net.model->set_observer([&](const Node& node, at::ArrayRef<c10::IValue> outputs) {
    EXPECT_EQ(outputs.size(), 1);
    seen.push_back(node.op());
  });
  ASSERT_TRUE(net.model->forward_tensor({at::ones({1, 2})}).ok());
  EXPECT_THAT(seen, ElementsAre("pare::factor", "aten::linear", "aten::batch_norm", "aten::relu"));
  net.model->set_observer(nullptr);
  ASSERT_TRUE(net.model->forward_tensor({at::ones({1, 2})}).ok());
  EXPECT_EQ(seen.size(), 4);
}

TEST(Model, MovingToAnotherDtypeKeepsTheTensorsIdentity) {
  Net net;
  const at::Tensor held = net.weight->tensor();
  ASSERT_TRUE(net.model->to(std::nullopt, at::kDouble).ok());
  EXPECT_EQ(held.scalar_type(), at::kDouble);
  EXPECT_TRUE(held.requires_grad());
  const at::Tensor y = *net.model->forward_tensor({at::ones({4, 2}, at::kDouble)});
  EXPECT_EQ(y.scalar_type(), at::kDouble);
  y.sum().backward();
  EXPECT_TRUE(held.grad().defined());
}

TEST(Model, NonFiniteTensorsAreNamed) {
  Net net;
  EXPECT_TRUE(net.model->non_finite_tensors().empty());
  net.weight->tensor().detach()[0][0] = std::nan("");
  net.mean->tensor()[1] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(net.model->non_finite_tensors(), ElementsAre("fc.weight", "bn.running_mean"));
}

TEST(Model, ANanInAConstantIsNamedAndAnInfinityIsNot) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  Value* mask = graph->add_constant(at::full({2}, -std::numeric_limits<float>::infinity()));
  Node* masked = *graph->add_operator("aten::add", "Tensor", {x, mask, graph->add_constant(1)}, {});
  Value* weight = graph->add_constant(at::full({2}, std::nan("")));
  graph->set_output((*graph->add_operator("aten::mul", "Tensor", {masked->output(), weight}, {}))->output());
  Model model(std::move(graph));
  EXPECT_THAT(model.non_finite_tensors(), ElementsAre("aten::mul's constant other"));
}

TEST(Model, ConstantsInListsAndAsTheOutputMoveToo) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  Value* list = graph->add_constant(c10::List<at::Tensor>({at::ones({1}), at::ones({1})}));
  Value* cat = (*graph->add_operator("aten::cat", "", {list, graph->add_constant(0)}, {}))->output();
  Value* sum = (*graph->add_operator("aten::mul", "Tensor", {x, cat}, {}))->output();
  graph->set_output((*graph->add_structure("prim::TupleConstruct", {sum, cat}, 1, {}))->output());
  Model model(std::move(graph));
  ASSERT_TRUE(model.to(std::nullopt, at::kDouble).ok());
  EXPECT_EQ(list->constant().toTensorVector()[0].scalar_type(), at::kDouble);
  EXPECT_EQ(model.forward_tensor({at::ones({2}, at::kDouble)})->scalar_type(), at::kDouble);

  auto constant = std::make_unique<Graph>();
  constant->set_output(constant->add_constant(at::ones({1})));
  Model fixed(std::move(constant));
  ASSERT_TRUE(fixed.to(std::nullopt, at::kDouble).ok());
  EXPECT_EQ(fixed.forward_tensor({})->scalar_type(), at::kDouble);
}

TEST(Model, AnInputThatFailsASizeCheckIsRefused) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("image");
  graph->set_output((*graph->add_operator("aten::relu", "", {x}, {}))->output());
  graph->add_size_check({x, 1, 3});
  graph->add_size_check({x, 1, 3});
  graph->add_size_check({x, SizeCheck::kRank, 2});
  EXPECT_EQ(graph->size_checks().size(), 2u);
  Model model(std::move(graph));
  EXPECT_TRUE(model.forward_tensor({at::ones({7, 3})}).ok());
  const absl::Status wrong = model.forward_tensor({at::ones({7, 5})}).status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("input image has the shape [7, 5]"));
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("the size 3 in dimension 1"));
  EXPECT_THAT(std::string(model.forward_tensor({at::ones({7, 3, 1})}).status().message()), HasSubstr("2 dimensions"));
}

TEST(Model, AGraphWithoutAnOutputIsAnErrorAndNoException) {
  auto graph = std::make_unique<Graph>();
  graph->add_input("x");
  Model model(std::move(graph));
  EXPECT_EQ(model.forward_tensor({at::ones({1})}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pare::graph
