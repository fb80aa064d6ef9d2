#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(MatmulTest, LinearIsGemmForMatricesAndMatMulForMore) {
  for (bool more : {false, true}) {
    TestGraph graph;
    graph::Value* weight = graph.parameter("weight", random_tensor({5, 4}, 2));
    graph::Value* bias = graph.parameter("bias", random_tensor({5}, 3));
    graph.output(graph.call("aten::linear", "", {graph.input(), weight, bias}));
    EXPECT_EQ(onnx_ops(graph, {more ? Ints{2, 3, 4} : Ints{2, 4}}), more ? (Ops{"MatMul", "Add"}) : Ops{"Gemm"});
  }
}

TEST(MatmulTest, ProductsOfTensors) {
  TestGraph graph;
  graph::Value *x = graph.input("x"), *y = graph.input("y");
  graph.output(graph.call("aten::baddbmm", "", {graph.call("aten::bmm", "", {x, y}), x, y, 0.5, 2.0}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}, {2, 4, 3}}), (Ops{"MatMul", "Mul", "Mul", "Add"}));
}

TEST(MatmulTest, Addmm) {
  TestGraph graph;
  graph::Value* bias = graph.parameter("bias", random_tensor({5}, 3));
  graph::Value* weight = graph.parameter("weight", random_tensor({4, 5}, 2));
  graph.output(graph.call("aten::addmm", "", {bias, graph.input(), weight, 0.5, 2.0}));
  EXPECT_EQ(onnx_ops(graph, {{2, 4}}), Ops{"Gemm"});
}

TEST(MatmulTest, EinsumsUpperCaseIsRenamed) {
  TestGraph graph;
  graph.output(
      graph.call("aten::einsum", "", {"b I a, b J a -> b I J", graph.list({graph.input("x"), graph.input("y")})}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}, {2, 5, 4}}), Ops{"Einsum"});
}

}  // namespace
}  // namespace pare::exporters
