#include "graph/example_run.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace pare::graph {
namespace {

Value* size(Graph& graph, Value* tensor, int64_t dimension) {
  return (*graph.add_operator("aten::size", "int", {tensor, graph.add_constant(dimension)}, {}))->output();
}

TEST(ExampleRunTest, GivesAValueForEachExampleAndFollowsTheGraphAsItGrows) {
  Graph graph;
  Value* x = graph.add_input("x");
  ExampleRun run(graph, {{at::zeros({2, 3})}, {at::zeros({3, 3})}});
  Value* rows = size(graph, x, 0);
  auto values = run.values(rows);
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ((**values)[0].toInt(), 2);
  EXPECT_EQ((**values)[1].toInt(), 3);
  Value* flat =
      (*graph.add_operator("aten::flatten", "using_ints", {x, graph.add_constant(0), graph.add_constant(-1)}, {}))
          ->output();
  values = run.values(size(graph, flat, 0));
  EXPECT_EQ((**values)[1].toInt(), 9);
}

TEST(ExampleRunTest, WithoutExamplesOnlyParametersAreKnown) {
  Graph graph;
  Value* x = graph.add_input("x");
  Value* weight = *graph.add_parameter("weight", at::zeros({5, 4}));
  ExampleRun run(graph, {});
  EXPECT_FALSE(run.values(size(graph, x, 0))->has_value());
  EXPECT_EQ((**run.values(size(graph, weight, 0)))[0].toInt(), 5);
  EXPECT_FALSE((**run.values(graph.training()))[0].toBool());
}

TEST(ExampleRunTest, WhatNodesWriteIntoTheModelIsWrittenIntoCopies) {
  Graph graph;
  Value* count = *graph.add_buffer("count", at::zeros({1}));
  Value* weight = *graph.add_parameter("weight", at::zeros({1}));
  Value* last = nullptr;
  for (Value* tensor : {count, weight}) {
    last = (*graph.add_operator("aten::add_", "Scalar", {tensor, graph.add_constant(1), graph.add_constant(1)}, {}))
               ->output();
  }
  ExampleRun run(graph, {});
  EXPECT_TRUE(at::equal((**run.values(last))[0].toTensor(), at::ones({1})));
  EXPECT_TRUE(at::equal(count->tensor(), at::zeros({1})));
  EXPECT_TRUE(at::equal(weight->tensor(), at::zeros({1})));
}

TEST(ExampleRunTest, AnExampleThatDoesNotFitNamesTheNode) {
  Graph graph;
  Value* x = graph.add_input("x");
  Node* view =
      *graph.add_operator("aten::view", "", {x, graph.add_constant(std::vector<int64_t>{7})}, {.scope = "head"});
  ExampleRun run(graph, {{at::zeros({2, 3})}});
  const auto values = run.values(view->output());
  EXPECT_EQ(values.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(values.status().message()).find("head/aten::view"), std::string::npos);
}

TEST(ExampleRunTest, AWriteIntoAViewOfAParameterLeavesTheParameter) {
  Graph graph;
  Value* weight = *graph.add_parameter("weight", at::zeros({2, 2}));
  Value* row = (*graph.add_operator("aten::select", "int", {weight, graph.add_constant(0), graph.add_constant(0)}, {}))
                   ->output();
  Node* written = *graph.add_operator("aten::fill_", "Scalar", {row, graph.add_constant(1.0)}, {});
  ExampleRun run(graph, {});
  const auto values = run.values(written->output());
  ASSERT_TRUE(values.ok() && values->has_value()) << values.status();
  EXPECT_EQ((*values)->front().toTensor().sum().item<double>(), 2.0);
  EXPECT_EQ(weight->tensor().abs().sum().item<double>(), 0.0);
}

}  // namespace
}  // namespace pare::graph
