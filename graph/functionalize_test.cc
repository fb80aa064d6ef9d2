#include "graph/functionalize.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "graph/model.h"
#include "graph/validate.h"

namespace pare::graph {
namespace {

class FunctionalizeTest : public testing::Test {
 protected:
  Value* constant(c10::IValue value) { return graph().add_constant(std::move(value)); }

  Value* add(std::string_view op, std::string_view overload, std::vector<Value*> inputs) {
    return (*graph().add_operator(op, overload, std::move(inputs), {}))->output();
  }

  std::vector<std::string> ops() {
    std::vector<std::string> names;
    for (const Node* node : graph().nodes()) names.push_back(node->op());
    return names;
  }

  // The pass, and that it changes no result.
  void run() {
    const at::Tensor x = at::randn({2, 4});
    const at::Tensor before = *model_.forward_tensor({x.clone()});
    ASSERT_TRUE(functionalize(graph()).ok());
    ASSERT_TRUE(validate(graph()).ok());
    EXPECT_TRUE(at::equal(*model_.forward_tensor({x}), before));
  }

  Graph& graph() { return model_.graph(); }

  Model model_{std::make_unique<Graph>()};
  Value* x_ = graph().add_input("x");
};

using Ops = std::vector<std::string>;

TEST_F(FunctionalizeTest, LaterUsesOfTheChangedTensorGetTheResult) {
  Value* y = add("aten::sigmoid", "", {x_});
  Value* before = add("aten::neg", "", {y});
  add("aten::relu_", "", {y});  // its result is not used, only its effect
  Value* z = add("aten::mul_", "Tensor", {y, y});
  graph().set_output(add("aten::add", "Tensor", {z, before, constant(1)}));
  run();
  EXPECT_EQ(ops(), (Ops{"aten::sigmoid", "aten::neg", "aten::relu", "aten::mul", "aten::add"}));
}

TEST_F(FunctionalizeTest, TheModelsInputIsNotChangedAnyMore) {
  graph().set_output(add("aten::add_", "Scalar", {x_, constant(1), constant(1)}));
  run();
  const at::Tensor x = at::randn({2, 4}), copy = x.clone();
  ASSERT_TRUE(model_.forward_tensor({x}).ok());
  EXPECT_TRUE(at::equal(x, copy));
}

TEST_F(FunctionalizeTest, AWriteIntoAViewOfWhatIsUsedLaterStays) {
  Value* y = add("aten::sigmoid", "", {x_});
  Value* row = add("aten::select", "int", {y, constant(0), constant(0)});
  add("aten::fill_", "Scalar", {row, constant(3.0)});
  graph().set_output(add("aten::neg", "", {y}));
  run();
  EXPECT_EQ(ops(), (Ops{"aten::sigmoid", "aten::select", "aten::fill_", "aten::neg"}));
}

TEST_F(FunctionalizeTest, AViewThatIsUsedLaterKeepsTheWriteIntoItsBase) {
  Value* y = add("aten::sigmoid", "", {x_});
  Value* row = add("aten::select", "int", {y, constant(0), constant(0)});
  add("aten::neg_", "", {y});
  graph().set_output(add("aten::exp", "", {row}));
  run();
  EXPECT_EQ(ops()[2], "aten::neg_");
}

TEST_F(FunctionalizeTest, AListMadeBeforeTheWriteAndUsedAfterItKeepsTheWrite) {
  Value* y = add("aten::sigmoid", "", {x_});
  Value* list = (*graph().add_structure("prim::ListConstruct", {y, y}, 1, {}, c10::TensorType::get()))->output();
  add("aten::neg_", "", {y});
  graph().set_output(add("aten::cat", "", {list, constant(0)}));
  run();
  EXPECT_EQ(ops()[2], "aten::neg_");
}

TEST_F(FunctionalizeTest, WritesIntoBuffersStay) {
  Value* count = *graph().add_buffer("count", at::zeros({1}));
  add("aten::add_", "Scalar", {count, constant(1), constant(1)});
  graph().set_output(add("aten::relu", "", {x_}));
  ASSERT_TRUE(functionalize(graph()).ok());
  EXPECT_EQ(ops()[0], "aten::add_");
}

TEST_F(FunctionalizeTest, AWriteIntoAConstantIsFound) {
  Value* y = add("aten::sigmoid", "", {x_});
  add("aten::neg_", "", {y});
  EXPECT_FALSE(writes_into_constants(graph()));
  Value* view = add("aten::view", "", {constant(at::zeros({4})), constant(std::vector<int64_t>{2, 2})});
  add("aten::neg_", "", {view});
  EXPECT_TRUE(writes_into_constants(graph()));
}

}  // namespace
}  // namespace pare::graph
