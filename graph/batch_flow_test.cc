#include "graph/batch_flow.h"

#include <ATen/ops/rand.h>
#include <gtest/gtest.h>

namespace pare::graph {
namespace {

using Ints = std::vector<int64_t>;

class BatchFlowTest : public testing::Test {
 protected:
  Value* constant(c10::IValue value) { return graph_.add_constant(std::move(value)); }

  Value* add(std::string_view op, std::string_view overload, std::vector<Value*> inputs) {
    return (*graph_.add_operator(op, overload, std::move(inputs), {}))->output();
  }

  Value* sum(Value* value, int64_t dimension) {
    return add("aten::sum", "dim_IntList", {value, constant(Ints{dimension}), constant(false), constant({})});
  }

  bool has_batch(const Value* value, const std::vector<Ints>& shapes = {}) {
    return BatchFlow(graph_, shapes).has_batch(value);
  }

  Graph graph_;
  Value* x_ = graph_.add_input("x");
};

TEST_F(BatchFlowTest, TheFirstDimensionIsFollowed) {
  Value* relu = add("aten::relu", "", {x_});
  EXPECT_TRUE(has_batch(relu));
  EXPECT_TRUE(has_batch(sum(relu, 1)));
  EXPECT_FALSE(has_batch(sum(relu, 0)));
  EXPECT_TRUE(has_batch(add("aten::transpose", "int", {relu, constant(1), constant(2)})));
  EXPECT_FALSE(has_batch(add("aten::transpose", "int", {relu, constant(0), constant(1)})));
}

TEST_F(BatchFlowTest, ADimensionFromTheEndNeedsTheNumberOfDimensions) {
  Value* last = sum(x_, -2);
  EXPECT_FALSE(has_batch(last)) << "it may be the first of two";
  EXPECT_FALSE(has_batch(last, {{5, 6}}));
  EXPECT_TRUE(has_batch(last, {{5, 6, 7}}));
}

TEST_F(BatchFlowTest, ConvolutionsAndViewsTellTheNumberOfDimensions) {
  Value* weight = *graph_.add_parameter("weight", at::rand({4, 3, 1, 1}));
  Value* convolution =
      add("aten::conv2d", "",
          {x_, weight, constant({}), constant(Ints{1, 1}), constant(Ints{0, 0}), constant(Ints{1, 1}), constant(1)});
  Value* relu = add("aten::relu", "", {convolution});
  EXPECT_EQ(BatchFlow(graph_, {}).rank(relu), 4);
  EXPECT_TRUE(has_batch(sum(relu, -3)));
  EXPECT_FALSE(has_batch(sum(relu, -4)));
  Value* flat = add("aten::flatten", "using_ints", {relu, constant(1), constant(-1)});
  EXPECT_TRUE(has_batch(flat));
  EXPECT_FALSE(has_batch(sum(flat, -2)));
  Value* viewed = add("aten::view", "", {flat, constant(Ints{2, 2, -1})});
  EXPECT_EQ(BatchFlow(graph_, {}).rank(viewed), 3);
  EXPECT_TRUE(has_batch(sum(viewed, -2)));
}

TEST_F(BatchFlowTest, ParametersHaveNoBatch) {
  Value* weight = *graph_.add_parameter("weight", at::rand({4, 3}));
  EXPECT_FALSE(has_batch(add("aten::t", "", {weight})));
  EXPECT_EQ(BatchFlow(graph_, {}).rank(weight), 2);
}

TEST_F(BatchFlowTest, SizesAreReadFromConstantsAndLists) {
  Value* size = add("aten::size", "int", {x_, constant(0)});
  Value* list =
      (*graph_.add_structure("prim::ListConstruct", {size, constant(8)}, 1, {}, c10::IntType::get()))->output();
  const auto sizes = sizes_in(list);
  ASSERT_TRUE(sizes.has_value());
  EXPECT_FALSE(sizes->at(0).has_value());
  EXPECT_EQ(sizes->at(1), 8);
  EXPECT_EQ(sizes_in(constant(Ints{2, -1}))->at(1), -1);
  EXPECT_FALSE(sizes_in(x_).has_value());
}

}  // namespace
}  // namespace pare::graph
