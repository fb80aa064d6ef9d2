#include "compression/analysis/zero_inputs.h"

#include "compression/analysis/test_net.h"
#include "gmock/gmock.h"

namespace pare {
namespace {

TEST(ZeroInputs, AreOfTheModelsDtypeAndWholeForIndices) {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value *x = graph->add_input("x"), *index = graph->add_input("index");
  graph::Value* weight = graph->add_parameter("w", at::ones({4, 2}, at::kDouble)).value();
  graph::Value* no = graph->add_constant(false);
  graph::Node* rows =
      graph->add_operator("aten::embedding", "", {weight, index, graph->add_constant(int64_t{-1}), no, no}, {}).value();
  graph->set_output(graph->add_operator("aten::matmul", "", {x, rows->output()}, {}).value()->output());
  const graph::Model model(std::move(graph));
  const auto inputs = zero_inputs(model, {{3, 5}, {5}});
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->at(0).scalar_type(), at::kDouble);
  EXPECT_EQ(inputs->at(1).scalar_type(), at::kLong);
  EXPECT_EQ(inputs->at(0).sizes(), (at::IntArrayRef{3, 5}));
  EXPECT_THAT(zero_inputs(model, {{3, 5}}).status().message(), ::testing::HasSubstr("2 inputs"));
}

}  // namespace
}  // namespace pare
