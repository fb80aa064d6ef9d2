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

  void run(Value* output, int64_t example_batch = 0) {
    graph().set_output(output);
    ASSERT_TRUE(free_batch_size(graph(), example_batch).ok());
    ASSERT_TRUE(validate(graph()).ok());
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

TEST_F(BatchSizeTest, AnInferredSizeBesideTheLiteralMakesItTheInputsSize) {
  run(view(x_, {2, -1}));
  EXPECT_EQ(shape(2), (Ints{2, 24}));
  EXPECT_EQ(shape(3), (Ints{3, 24}));
}

TEST_F(BatchSizeTest, LiteralsThatContradictEachOtherStayAsTheyAre) {
  run(view(view(x_, {2, -1}), {4, -1}));
  EXPECT_EQ(shape(2), (Ints{4, 12}));
}

TEST_F(BatchSizeTest, ALiteralThatIsNotTheGivenBatchStays) {
  run(view(x_, {6, -1}), /*example_batch=*/2);
  EXPECT_EQ(shape(2), (Ints{6, 8}));
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
