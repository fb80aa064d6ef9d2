// How a model runs its graph: graph/program.h, through the model that it is a part of.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "graph/model.h"

namespace pare::graph {
namespace {

// Where the output of each node is kept in memory.
std::map<std::string, const void*> addresses_in(Model& model, const at::Tensor& input) {
  std::map<std::string, const void*> addresses;
  model.set_observer([&](const Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (outputs[0].isTensor()) addresses[node.name()] = outputs[0].toTensor().data_ptr();
  });
  const auto output = model.forward_tensor({input});
  EXPECT_TRUE(output.ok()) << output.status();
  model.set_observer(nullptr);
  return addresses;
}

class ProgramTest : public testing::Test {
 protected:
  Value* constant(c10::IValue value) { return graph().add_constant(std::move(value)); }

  Value* add(std::string_view op, std::string_view overload, std::vector<Value*> inputs) {
    return (*graph().add_operator(op, overload, std::move(inputs), {}))->output();
  }

  Value* exp(Value* x) { return add("aten::exp", "", {x}); }
  Value* relu(Value* x) { return add("aten::relu", "", {x}); }

  Graph& graph() { return model_.graph(); }

  Model model_{std::make_unique<Graph>()};
  Value* x_ = graph().add_input("x");
  const at::Tensor input_ = at::tensor({-1.0f, 0.5f, 2.0f, -3.0f});
};

TEST_F(ProgramTest, AnActivationIsComputedInItsInputsMemoryWithoutGradients) {
  Value* y = relu(exp(x_));
  Value* hard = add("aten::hardtanh", "", {y, constant(0.0), constant(6.0)});
  graph().set_output(add("aten::silu", "", {hard}));
  const at::Tensor expected = at::silu(at::hardtanh(at::relu(at::exp(input_)), 0, 6));
  {
    const at::NoGradGuard no_grad;
    const auto addresses = addresses_in(model_, input_);
    EXPECT_EQ(addresses.at("aten::relu"), addresses.at("aten::exp"));
    EXPECT_EQ(addresses.at("aten::silu"), addresses.at("aten::exp"));
    EXPECT_TRUE(at::equal(*model_.forward_tensor({input_}), expected));
  }
  const auto addresses = addresses_in(model_, input_);
  EXPECT_NE(addresses.at("aten::relu"), addresses.at("aten::exp")) << "a gradient may need the input";
  EXPECT_TRUE(at::equal(*model_.forward_tensor({input_}), expected));
}

TEST_F(ProgramTest, AnInputOfTheModelIsNeverOverwritten) {
  graph().set_output(relu(add("aten::view", "", {x_, constant(std::vector<int64_t>{2, 2})})));
  const at::NoGradGuard no_grad;
  std::vector<float> memory = {-1, 2, -3, 4};
  // Moved in, so that the model holds the only reference.
  at::Tensor given = at::from_blob(memory.data(), {4});
  std::vector<c10::IValue> inputs;
  inputs.emplace_back(std::move(given));
  ASSERT_TRUE(model_.forward(std::move(inputs)).ok());
  EXPECT_EQ(memory, (std::vector<float>{-1, 2, -3, 4}));
  const at::Tensor kept = input_.clone();
  ASSERT_TRUE(model_.forward_tensor({kept}).ok());
  EXPECT_TRUE(at::equal(kept, input_));
}

TEST_F(ProgramTest, WhatIsStillUsedIsNotOverwritten) {
  Value* y = add("aten::sub", "Tensor", {x_, constant(at::zeros({4})), constant(1)});
  Value* view = add("aten::view", "", {y, constant(std::vector<int64_t>{2, 2})});
  Value* positive = relu(view);
  Value* flat = add("aten::view", "", {positive, constant(std::vector<int64_t>{4})});
  graph().set_output(add("aten::add", "Tensor", {flat, y, constant(1)}));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(*model_.forward_tensor({input_}), at::relu(input_) + input_));
}

TEST_F(ProgramTest, ParametersAndConstantsAreNotOverwritten) {
  Value* weight = *graph().add_parameter("weight", -at::ones({2, 2}));
  Value* turned = relu(add("aten::t", "", {weight}));
  Value* fixed = constant(-at::ones({2, 2}));
  Value* turned_constant = relu(add("aten::t", "", {fixed}));
  Value* sum = add("aten::add", "Tensor", {turned, turned_constant, constant(1)});
  graph().set_output(add("aten::add", "Tensor", {sum, x_, constant(1)}));
  const at::NoGradGuard no_grad;
  ASSERT_TRUE(model_.forward_tensor({at::zeros({2, 2})}).ok());
  EXPECT_TRUE(at::equal(weight->tensor(), -at::ones({2, 2})));
  EXPECT_TRUE(at::equal(fixed->constant().toTensor(), -at::ones({2, 2})));
}

TEST_F(ProgramTest, WhatAnObserverHoldsStaysAsItWas) {
  graph().set_output(relu(add("aten::neg", "", {x_})));
  at::Tensor held;
  model_.set_observer([&](const Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (node.op() == "aten::neg") held = outputs[0].toTensor().detach();
  });
  const at::NoGradGuard no_grad;
  ASSERT_TRUE(model_.forward_tensor({input_}).ok());
  EXPECT_TRUE(at::equal(held, -input_));
}

TEST_F(ProgramTest, IntegersThatBecomeFloatsAreNot) {
  graph().set_output(add("aten::sigmoid", "", {add("aten::neg", "", {x_})}));
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::tensor({1, 2});
  EXPECT_TRUE(at::equal(*model_.forward_tensor({x}), at::sigmoid(-x)));
}

TEST_F(ProgramTest, ABroadcastOrExpandedValueIsNotOverwritten) {
  Value* expanded = add("aten::expand", "", {exp(x_), constant(std::vector<int64_t>{3, 4}), constant(false)});
  graph().set_output(relu(expanded));
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(at::equal(*model_.forward_tensor({input_}), at::exp(input_).expand({3, 4})));
}

}  // namespace
}  // namespace pare::graph
