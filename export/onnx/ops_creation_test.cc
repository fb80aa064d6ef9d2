#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(CreationTest, WhatIsTheSameForAllInputsIsAConstant) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* ones = graph.call("aten::ones", "", {Ints{3}});
  graph.output(graph.call("aten::add", "Tensor", {x, ones}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), Ops{"Add"});
}

TEST(CreationTest, WhatGrowsWithTheBatchIsExpanded) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* zeros = graph.call("aten::zeros_like", "", {x});
  graph.output(graph.call("aten::cat", "", {graph.list({x, zeros}), 1}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"Shape", "Concat", "Expand", "Concat"}));
}

TEST(CreationTest, ANumberFromTheInputFillsATensor) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* copy = graph.call("aten::clone", "", {x});
  graph::Value* number = graph.call("aten::mean", "", {x});
  graph.output(graph.call("aten::fill_", "Tensor", {copy, number}));
  const Ops ops = onnx_ops(graph, {{2, 3}});
  EXPECT_EQ(ops.back(), "Expand") << ::testing::PrintToString(ops);
}

}  // namespace
}  // namespace pare::exporters
