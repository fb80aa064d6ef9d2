#include "graph/import_finish.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace pare::graph {
namespace {

TEST(ImportFinishTest, LeavesWhatTheOutputNeedsAndNothingElse) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  Value* used = *graph->add_parameter("used", at::zeros({4}));
  ASSERT_TRUE(graph->add_parameter("unused", at::zeros({4})).ok());
  ASSERT_TRUE(graph->add_buffer("counter", at::zeros({})).ok());
  Value* y = (*graph->add_operator("aten::mul", "Tensor", {x, used}, {}))->output();
  (void)*graph->add_operator("aten::exp", "", {y}, {});
  ASSERT_TRUE(graph->add_operator("aten::relu_", "", {y}, {}).ok());
  graph->set_output(y);
  const auto model = finish_import(std::move(graph), {});
  ASSERT_TRUE(model.ok()) << model.status();
  const Graph& finished = (*model)->graph();
  ASSERT_EQ(finished.num_nodes(), 2u);
  EXPECT_EQ(finished.output()->producer()->op(), "aten::relu");
  ASSERT_EQ(finished.parameters().size(), 1u);
  EXPECT_EQ(finished.parameters()[0]->name(), "used");
  EXPECT_TRUE(finished.buffers().empty());
  EXPECT_FALSE((*model)->is_training());
}

TEST(ImportFinishTest, TheBatchIsFreedInTracesOnly) {
  for (const bool is_trace : {true, false}) {
    auto graph = std::make_unique<Graph>();
    Value* shape = graph->add_constant(std::vector<int64_t>{2, 6});
    graph->set_output((*graph->add_operator("aten::view", "", {graph->add_input("x"), shape}, {}))->output());
    const auto model = finish_import(std::move(graph), {.is_trace = is_trace});
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ((*model)->forward_tensor({at::zeros({3, 6})}).ok(), is_trace);
  }
}

TEST(ImportFinishTest, AFrozenModelsWeightsAreParametersAgain) {
  auto graph = std::make_unique<Graph>();
  Value* x = graph->add_input("x");
  const auto constant = [&](c10::IValue value) { return graph->add_constant(std::move(value)); };
  Value* y = (*graph->add_operator("aten::linear", "", {x, constant(at::zeros({3, 2})), constant({})}, {}))->output();
  graph->set_output(y);
  const auto model = finish_import(std::move(graph), {});
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ((*model)->graph().parameters().size(), 1u);
  EXPECT_EQ((*model)->graph().parameters()[0]->name(), "linear.weight");
}

}  // namespace
}  // namespace pare::graph
