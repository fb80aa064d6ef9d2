#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(ConvolutionTest, StridePaddingDilationAndGroups) {
  TestGraph graph;
  graph::Value* weight = graph.parameter("weight", random_tensor({6, 2, 3, 3}, 2));
  graph::Value* bias = graph.parameter("bias", random_tensor({6}, 3));
  graph.output(graph.call("aten::conv2d", "", {graph.input(), weight, bias, Ints{2, 1}, Ints{1, 0}, Ints{1, 2}, 2}));
  EXPECT_EQ(onnx_ops(graph, {{2, 4, 9, 8}}), Ops{"Conv"});
}

TEST(ConvolutionTest, OneAndThreeDimensions) {
  TestGraph one, three;
  one.output(one.call("aten::conv1d", "", {one.input(), one.parameter("w", random_tensor({5, 3, 3}, 2))}));
  EXPECT_EQ(onnx_ops(one, {{2, 3, 8}}), Ops{"Conv"});
  three.output(
      three.call("aten::conv3d", "", {three.input(), three.parameter("w", random_tensor({5, 3, 2, 2, 2}, 2))}));
  EXPECT_EQ(onnx_ops(three, {{2, 3, 4, 4, 4}}), Ops{"Conv"});
}

TEST(ConvolutionTest, PaddingByName) {
  for (const char* padding : {"same", "valid"}) {
    TestGraph graph;
    graph::Value* weight = graph.parameter("weight", random_tensor({3, 2, 4, 3}, 2));
    graph.output(graph.call("aten::conv2d", "padding", {graph.input(), weight, c10::IValue(), Ints{1}, padding}));
    EXPECT_EQ(onnx_ops(graph, {{2, 2, 8, 8}}), Ops{"Conv"}) << padding;
  }
}

TEST(ConvolutionTest, PaddingByNameInATrace) {
  TestGraph graph;
  graph::Value* weight = graph.parameter("weight", random_tensor({3, 2, 4, 3}, 2));
  graph.output(graph.call("aten::_convolution_mode", "",
                          {graph.input(), weight, c10::IValue(), Ints{1, 1}, "same", Ints{1, 2}, 1}));
  EXPECT_EQ(onnx_ops(graph, {{2, 2, 8, 8}}), Ops{"Conv"});
}

TEST(ConvolutionTest, Transposed) {
  TestGraph graph;
  graph::Value* weight = graph.parameter("weight", random_tensor({4, 3, 3, 3}, 2));
  graph.output(graph.call("aten::conv_transpose2d", "input",
                          {graph.input(), weight, c10::IValue(), Ints{2}, Ints{1}, Ints{1}, 2}));
  EXPECT_EQ(onnx_ops(graph, {{2, 4, 5, 5}}), Ops{"ConvTranspose"});
}

}  // namespace
}  // namespace pare::exporters
