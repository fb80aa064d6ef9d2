#include <ATen/ATen.h>
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

// What is named once is sorted, upper case first: "bij,Bjk" gives Bbik.
TEST(MatmulTest, EinsumsOrderThatIsNotSaid) {
  for (const char* equation : {"bij,Bjk", "ji", "aZ,Zb", "...ij,...jk"}) {
    TestGraph graph;
    graph::Value *x = graph.input("x"), *y = graph.input("y");
    const std::string text = equation;
    const bool is_matrix = text == "ji" || text == "aZ,Zb";
    if (is_matrix) {
      x = graph.call("aten::sum", "dim_IntList", {x, Ints{0}});
      y = graph.call("aten::sum", "dim_IntList", {y, Ints{0}});
    }
    graph.output(graph.call("aten::einsum", "", {text, text == "ji" ? graph.list({x}) : graph.list({x, y})}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}, {2, 4, 5}}).back(), "Einsum") << equation;
  }
}

TEST(MatmulTest, Outer) {
  TestGraph graph;
  graph::Value* x = graph.call("aten::sum", "dim_IntList", {graph.input(), Ints{0}});
  graph.output(graph.call("aten::outer", "", {x, graph.parameter("v", random_tensor({4}))}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"ReduceSum", "Unsqueeze", "Mul"}));
}

// Written such that ONNX Runtime does not round the input as well: see is_weight_only().
TEST(MatmulTest, AQuantizedWeightAlone) {
  const std::vector<std::pair<std::string, Ops>> cases = {
      {"linear", {"DequantizeLinear", "Reshape", "Gemm", "Reshape"}},
      {"matmul", {"DequantizeLinear", "Reshape", "Gemm", "Reshape"}},
      {"transposed", {"DequantizeLinear", "Reshape", "Gemm", "Reshape"}},
      {"matrices", {"DequantizeLinear", "Gemm"}},
      {"addmm", {"DequantizeLinear", "Gemm"}},
  };
  for (const auto& [name, onnx] : cases) {
    for (bool channels : {false, true}) {
      TestGraph graph;
      graph::Value* x = graph.input();
      graph::Value* w = graph.parameter("w", random_tensor({64, 64}, 2));
      graph::Value* scale = graph.parameter("scale", random_tensor({64}, 3).abs() * 0.01 + 0.01);
      const int64_t axis = name == "linear" || name == "transposed" ? 0 : 1;
      w = channels ? graph.call("aten::fake_quantize_per_channel_affine", "",
                                {w, scale, graph.parameter("zero", at::zeros({64}, at::kInt)), axis, -127, 127})
                   : graph.call("aten::fake_quantize_per_tensor_affine", "", {w, 0.02, 0, -127, 127});
      graph::Value* bias = graph.parameter("b", random_tensor({64}, 4));
      if (name == "linear") {
        graph.output(graph.call("aten::linear", "", {x, w, bias}));
      } else if (name == "addmm") {
        graph.output(graph.call("aten::addmm", "", {bias, x, w}));
      } else {
        graph.output(graph.call("aten::matmul", "", {x, name == "transposed" ? graph.call("aten::t", "", {w}) : w}));
      }
      const bool is_matrix = name == "addmm" || name == "matrices";
      EXPECT_EQ(onnx_ops(graph, {is_matrix ? Ints{2, 64} : Ints{2, 5, 64}}, 1e-4), onnx) << name << channels;
    }
  }
}

}  // namespace
}  // namespace pare::exporters
