#include "graph/model.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "gmock/gmock.h"
#include "graph/hooks.h"
#include "graph/state.h"
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

class StateFile : public ::testing::Test {
 protected:
  std::string path_ = ::testing::TempDir() + "/model.state";
};

TEST_F(StateFile, ComesBackWhole) {
  Net net, other;
  net.weight->tensor().detach().fill_(3);
  net.mean->tensor().fill_(-1);
  net.factor->factor = 0.5;
  ASSERT_TRUE(save_state(*net.model, path_).ok());
  const at::Tensor held = other.weight->tensor();
  ASSERT_TRUE(load_state(*other.model, path_).ok());
  EXPECT_TRUE(at::equal(held, at::full({3, 2}, 3.0)));
  EXPECT_TRUE(at::equal(other.mean->tensor(), at::full({3}, -1.0)));
  EXPECT_EQ(other.factor->factor, 0.5);
}

TEST_F(StateFile, WhatDoesNotFitIsRefusedWhole) {
  Net net;
  ModelState state = get_state(*net.model);
  state.tensors["fc.weight"] = at::zeros({3, 2});
  state.tensors["fc.scale"] = at::zeros({2});
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("fc.scale"));
  EXPECT_TRUE(at::equal(net.weight->tensor(), at::ones({3, 2})));
  state = get_state(*net.model);
  state.tensors["more"] = at::zeros({2});
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("more"));
  state = get_state(*net.model);
  state.tensors.erase("bn.running_var");
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("bn.running_var"));
  state = get_state(*net.model);
  state.transforms.begin()->second = nlohmann::json::object();
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("factor"));
}

TEST_F(StateFile, TruncatedAndForeignFilesAreRefused) {
  Net net;
  ASSERT_TRUE(save_state(*net.model, path_).ok());
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_THAT(std::string(load_state(*net.model, path_).message()), HasSubstr("model.state is not a whole file"));
  std::ofstream(path_) << "hello";
  EXPECT_EQ(load_state(*net.model, path_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load_state(*net.model, path_ + ".none").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(save_state(*net.model, ::testing::TempDir() + "/none/x").ok());
}

}  // namespace
}  // namespace pare::graph
