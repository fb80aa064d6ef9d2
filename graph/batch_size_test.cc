#include "graph/batch_size.h"

#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "graph/model.h"
#include "graph/validate.h"

namespace pare::graph {
namespace {

using Ints = std::vector<int64_t>;

// A model as it is traced with a batch of 2.
class BatchSizeTest : public testing::Test {
 protected:
  Value* constant(c10::IValue value) { return graph().add_constant(std::move(value)); }

  Value* add(std::string_view op, std::string_view overload, std::vector<Value*> inputs) {
    return (*graph().add_operator(op, overload, std::move(inputs), {}))->output();
  }

  Value* view(Value* value, Ints shape) { return add("aten::view", "", {value, constant(shape)}); }

  // The output's shape for an input of [batch, 4, 6].
  Ints shape(int64_t batch) {
    const auto output = model_.forward_tensor({at::rand({batch, 4, 6})});
    EXPECT_TRUE(output.ok()) << output.status();
    return output.ok() ? output->sizes().vec() : Ints{};
  }

  // With the input's shape; its batch is the user's, and not the traced one.
  void run(Value* output) { run(output, {.shapes = {{1, 4, 6}}}); }

  void run_without_shapes(Value* output) { run(output, {}); }

  void run(Value* output, const InputShapes& inputs) {
    graph().set_output(output);
    const absl::Status freed = free_batch_size(model_, inputs);
    ASSERT_TRUE(freed.ok()) << freed;
    graph().remove_dead_nodes();
    const absl::Status valid = validate(graph());
    ASSERT_TRUE(valid.ok()) << valid;
  }

  // A layer that takes so many features and gives 3.
  Value* linear(Value* value, int64_t features) {
    Value* weight = *graph().add_parameter("weight", at::rand({3, features}));
    return add("aten::linear", "", {value, weight, constant({})});
  }

  Graph& graph() { return model_.graph(); }

  Model model_{std::make_unique<Graph>()};
  Value* x_ = graph().add_input("x");
};

TEST_F(BatchSizeTest, AViewWithKnownSizesFitsEveryBatch) {
  run(view(add("aten::relu", "", {x_}), {2, 24}));
  EXPECT_EQ(shape(2), (Ints{2, 24}));
  EXPECT_EQ(shape(7), (Ints{7, 24}));
}

TEST_F(BatchSizeTest, AViewOfBatchTimesHeadsFitsEveryBatch) {
  Value* heads = view(x_, {8, 6});  // batch 2 times 4
  run(view(add("aten::softmax", "int", {heads, constant(-1), constant({})}), {2, 4, 6}));
  EXPECT_EQ(shape(2), (Ints{2, 4, 6}));
  EXPECT_EQ(shape(5), (Ints{5, 4, 6}));
}

TEST_F(BatchSizeTest, ALiteralWithAnInferredSizeIsTheBatchIfTheModelRunsWithThatAlone) {
  run(linear(view(x_, {2, -1}), 24));
  EXPECT_EQ(shape(1), (Ints{1, 3}));
  EXPECT_EQ(shape(2), (Ints{2, 3}));
  EXPECT_EQ(shape(5), (Ints{5, 3}));
}

TEST_F(BatchSizeTest, ALiteralThatMayBeTheModelsOwnStays) {
  // Traced with a batch of 1, or of 4: nothing tells.
  run(view(x_, {4, -1}));
  EXPECT_EQ(shape(1), (Ints{4, 6}));
}

TEST_F(BatchSizeTest, WithoutShapesALiteralWithAnInferredSizeStays) {
  run_without_shapes(view(x_, {3, -1}));
  EXPECT_EQ(shape(1), (Ints{3, 8}));
}

TEST_F(BatchSizeTest, LiteralsThatContradictEachOtherStayAsTheyAre) {
  run(view(view(x_, {2, -1}), {4, -1}));
  EXPECT_EQ(shape(2), (Ints{4, 12}));
}

TEST_F(BatchSizeTest, AMultipleOfTheBatchGrowsWithIt) {
  // Traced with 2: 2 * 4 rows of 6, and back.
  run(view(linear(view(x_, {8, -1}), 6), {2, 12}));
  EXPECT_EQ(shape(2), (Ints{2, 12}));
  EXPECT_EQ(shape(3), (Ints{3, 12}));
}

TEST_F(BatchSizeTest, AWrongInputIsNotHiddenByAnInferredBatch) {
  run_without_shapes(view(x_, {1, 24}));
  EXPECT_EQ(shape(3), (Ints{3, 24}));
  EXPECT_FALSE(model_.forward_tensor({at::rand({1, 16, 6})}).ok()) << "four times the features are not four rows";
}

TEST_F(BatchSizeTest, ASumOverADimensionFromTheEndMayBeOverTheBatch) {
  // [batch, features] as far as is known: the sum is over the batch, and 6 the number of features.
  Value* flat = add("aten::sum", "dim_IntList", {x_, constant(Ints{-2}), constant(false), constant({})});
  run_without_shapes(view(flat, {6, 1}));
  ASSERT_TRUE(graph().output()->producer()->input(1)->is_constant());
  EXPECT_EQ(graph().output()->producer()->input(1)->constant().toIntVector(), (Ints{6, 1}));
}

TEST_F(BatchSizeTest, AClassTokenIsRepeatedForTheBatchItIsConcatenatedWith) {
  Value* token = *graph().add_parameter("token", at::zeros({1, 1, 6}));
  Value* repeated = add("aten::repeat", "", {token, constant(Ints{2, 1, 1})});
  Value* list =
      (*graph().add_structure("prim::ListConstruct", {repeated, x_}, 1, {}, c10::TensorType::get()))->output();
  run_without_shapes(add("aten::cat", "", {list, constant(1)}));
  EXPECT_EQ(shape(2), (Ints{2, 5, 6}));
  EXPECT_EQ(shape(4), (Ints{4, 5, 6}));
}

TEST_F(BatchSizeTest, WhatRunsWithNoOtherBatchIsPutBack) {
  // The position is that of two rows for certain, so that the view alone does not help.
  Value* position = *graph().add_parameter("position", at::zeros({2, 24}));
  Value* shape_before = constant(Ints{2, 24});
  Value* flat = add("aten::view", "", {x_, shape_before});
  run(add("aten::add", "Tensor", {flat, position, constant(1)}));
  EXPECT_EQ(shape(2), (Ints{2, 24}));
  EXPECT_EQ(flat->producer()->input(1)->constant().toIntVector(), (Ints{2, 24}));
}

TEST_F(BatchSizeTest, AClassTokenIsExpandedToTheBatchItIsConcatenatedWith) {
  Value* token = *graph().add_parameter("token", at::zeros({1, 1, 6}));
  Value* expanded = add("aten::expand", "", {token, constant(Ints{2, -1, -1}), constant(false)});
  Value* list =
      (*graph().add_structure("prim::ListConstruct", {expanded, x_}, 1, {}, c10::TensorType::get()))->output();
  run(add("aten::cat", "", {list, constant(1)}));
  EXPECT_EQ(shape(2), (Ints{2, 5, 6}));
  EXPECT_EQ(shape(4), (Ints{4, 5, 6}));
}

TEST_F(BatchSizeTest, AShapeWithComputedSizesKeepsThem) {
  Value* last = add("aten::size", "int", {x_, constant(2)});
  Value* shape_list =
      (*graph().add_structure("prim::ListConstruct", {constant(2), constant(4), last}, 1, {}, c10::IntType::get()))
          ->output();
  run(add("aten::reshape", "", {x_, shape_list}));
  EXPECT_EQ(shape(3), (Ints{3, 4, 6}));
}

TEST_F(BatchSizeTest, AViewOfWhatHasNoBatchInFrontStays) {
  // Sequence first: [4, batch, 6]. The literal 4 is the model's.
  Value* first = add("aten::transpose", "int", {x_, constant(0), constant(1)});
  Value* copied = add("aten::contiguous", "", {first, constant(0)});
  run(view(copied, {4, -1}));
  EXPECT_EQ(shape(2), (Ints{4, 12}));
  EXPECT_EQ(shape(3), (Ints{4, 18}));
}

TEST_F(BatchSizeTest, AParametersViewStays) {
  Value* weight = *graph().add_parameter("weight", at::zeros({2, 24}));
  Value* viewed = view(weight, {8, 6});
  run(add("aten::matmul", "", {x_, add("aten::t", "", {viewed})}));
  EXPECT_EQ(shape(3), (Ints{3, 4, 8}));
}

}  // namespace
}  // namespace pare::graph
