#include <c10/core/ScalarType.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(ComparisonTest, NumbersAndTensors) {
  for (const auto& [op, onnx] : std::vector<std::pair<std::string, Ops>>{{"eq", {"Equal"}},
                                                                         {"ne", {"Equal", "Not"}},
                                                                         {"lt", {"Less"}},
                                                                         {"le", {"LessOrEqual"}},
                                                                         {"gt", {"Greater"}},
                                                                         {"ge", {"GreaterOrEqual"}}}) {
    TestGraph number, tensor;
    number.output(number.call("aten::" + op, "Scalar", {number.input(), 0.25}));
    EXPECT_EQ(onnx_ops(number, {{2, 3}}), onnx) << op;
    tensor.output(tensor.call("aten::" + op, "Tensor", {tensor.input("x"), tensor.input("y")}));
    EXPECT_EQ(onnx_ops(tensor, {{2, 3}, {2, 3}}), onnx) << op;
  }
}

TEST(ComparisonTest, LogicAndChoice) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* low = graph.call("aten::lt", "Scalar", {x, 0.0});
  graph::Value* high = graph.call("aten::gt", "Scalar", {x, 1.0});
  graph::Value* either = graph.call("aten::logical_or", "", {low, high});
  graph::Value* filled = graph.call("aten::masked_fill", "Scalar", {x, either, -1e9});
  graph.output(graph.call("aten::where", "self", {graph.call("aten::bitwise_not", "", {low}), filled, x}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"Less", "Greater", "Or", "Where", "Not", "Where"}));
}

TEST(ComparisonTest, BitwiseLogicOnIntegersIsRefused) {
  TestGraph graph;
  graph::Value* x = graph.call("aten::to", "dtype", {graph.input(), static_cast<int64_t>(c10::ScalarType::Long)});
  graph.output(graph.call("aten::bitwise_and", "Tensor", {x, x}));
  EXPECT_EQ(onnx_error(graph, {{2, 3}}).code(), absl::StatusCode::kUnimplemented);
}

TEST(ComparisonTest, WhatIsANumber) {
  for (const char* op : {"aten::isfinite", "aten::isnan", "aten::isinf"}) {
    TestGraph graph;
    graph::Value* x = graph.input();
    graph::Value* quotient = graph.call("aten::div", "Tensor", {x, graph.call("aten::relu", "", {x})});
    graph.output(graph.call(op, "", {quotient}));
    EXPECT_EQ(onnx_ops(graph, {{2, 30}}, RunOptions{.edges = true})[1], "Div") << op;
  }
}

}  // namespace
}  // namespace pare::exporters
