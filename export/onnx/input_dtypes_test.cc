#include "export/onnx/input_dtypes.h"

#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

TEST(InputDtypesTest, IndicesOfAnEmbeddingAreWhole) {
  TestGraph graph;
  graph::Value *ids = graph.input("ids"), *x = graph.input("x");
  graph::Value* first = graph.call("aten::slice", "Tensor", {ids, 1, 0, 2});
  graph::Value* rows = graph.call("aten::embedding", "", {graph.parameter("table", random_tensor({5, 3})), first});
  graph.output(graph.call("aten::add", "Tensor", {rows, x}));
  EXPECT_EQ(guess_input_dtypes(graph.graph()), (std::vector<c10::ScalarType>{at::kLong, at::kFloat}));
}

TEST(InputDtypesTest, WhatIsCountedWithAndThenIndexesIsWhole) {
  TestGraph graph;
  graph::Value *ids = graph.input("ids"), *places = graph.input("places"), *x = graph.input("x");
  graph::Value* shifted = graph.call("aten::add", "Tensor", {ids, graph.call("aten::mul", "Scalar", {places, 2})});
  graph::Value* rows = graph.call("aten::embedding", "", {graph.parameter("table", random_tensor({9, 3})), shifted});
  graph::Value* picked = graph.call("aten::gather", "", {x, 1, graph.call("aten::clamp", "", {places, 0, 1})});
  graph.output(graph.call("aten::add", "Tensor", {rows, picked}));
  EXPECT_EQ(guess_input_dtypes(graph.graph()), (std::vector<c10::ScalarType>{at::kLong, at::kLong, at::kFloat}));
}

}  // namespace
}  // namespace pare::exporters
