#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

// linear(flatten(quantized x)): the bias knows the scale of x though another operator stands between.
TEST(LayersTest, TheInputsScaleIsFoundBehindOperatorsThatMoveNumbers) {
  TestGraph graph;
  graph::Value* x = graph.call("aten::fake_quantize_per_tensor_affine", "", {graph.input(), 0.05, 0, 0, 255});
  x = graph.call("aten::flatten", "using_ints", {x, 1});
  graph::Value* weight = graph.call("aten::fake_quantize_per_tensor_affine", "",
                                    {graph.parameter("w", random_tensor({3, 4}, 2)), 0.02, 0, -127, 127});
  graph.output(graph.call("aten::linear", "", {x, weight, graph.parameter("b", random_tensor({3}, 3))}));
  EXPECT_EQ(onnx_ops(graph, {{2, 2, 2}}, 1e-3),
            (Ops{"QuantizeLinear", "DequantizeLinear", "Flatten", "DequantizeLinear", "DequantizeLinear", "Gemm"}));
}

TEST(LayersTest, AQuantizedWeightIsTransposedInTheFile) {
  TestGraph graph;
  const at::Tensor scale = at::tensor({0.02f, 0.01f, 0.03f});
  graph::Value* weight =
      graph.call("aten::fake_quantize_per_channel_affine", "",
                 {graph.parameter("w", random_tensor({3, 4}, 2)), scale, at::zeros({3}, at::kInt), 0, -127, 127});
  graph.output(graph.call("aten::linear", "", {graph.input(), weight}));
  EXPECT_EQ(onnx_ops(graph, {{2, 5, 4}}), (Ops{"DequantizeLinear", "Reshape", "Gemm", "Reshape"}));
  TestGraph both;
  weight = both.call("aten::fake_quantize_per_channel_affine", "",
                     {both.parameter("w", random_tensor({3, 4}, 2)), scale, at::zeros({3}, at::kInt), 0, -127, 127});
  graph::Value* x = both.call("aten::fake_quantize_per_tensor_affine", "", {both.input(), 0.05, 0, -63, 63});
  both.output(both.call("aten::linear", "", {x, weight}));
  EXPECT_EQ(onnx_ops(both, {{2, 5, 4}}, 1e-4),
            (Ops{"Clip", "QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "MatMul"}));
}

TEST(LayersTest, AWeightThatIsComputedIsTransposedInTheGraph) {
  TestGraph graph;
  graph::Value *x = graph.input("x"), *w = graph.input("w");
  graph.output(graph.call("aten::linear", "", {x, graph.call("aten::sum", "dim_IntList", {w, Ints{0}})}));
  EXPECT_EQ(onnx_ops(graph, {{2, 5, 4}, {2, 3, 4}}), (Ops{"ReduceSum", "Transpose", "MatMul"}));
}

// A scale for each input is none for the outputs, whatever their number.
TEST(LayersTest, TheBiasOfAWeightQuantizedAlongItsInputsStays) {
  TestGraph graph;
  graph::Value* x = graph.call("aten::fake_quantize_per_tensor_affine", "", {graph.input(), 0.05, 0, -63, 63});
  graph::Value* weight = graph.call("aten::fake_quantize_per_channel_affine", "",
                                    {graph.parameter("w", random_tensor({4, 4}, 2)),
                                     at::tensor({0.02f, 0.01f, 0.03f, 0.04f}), at::zeros({4}, at::kInt), 1, -127, 127});
  graph.output(graph.call("aten::linear", "", {x, weight, graph.parameter("b", random_tensor({4}, 3))}));
  EXPECT_EQ(onnx_ops(graph, {{2, 4}}, 1e-4),
            (Ops{"Clip", "QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "Gemm"}));
}

}  // namespace
}  // namespace pare::exporters
