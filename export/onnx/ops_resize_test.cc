#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(ResizeTest, NearestToASizeAndByAFactor) {
  TestGraph size, factor;
  size.output(size.call("aten::upsample_nearest2d", "", {size.input(), Ints{7, 9}}));
  EXPECT_EQ(onnx_ops(size, {{2, 3, 4, 5}}), (Ops{"Shape", "Concat", "Resize"}));
  factor.output(
      factor.call("aten::upsample_nearest2d", "vec", {factor.input(), c10::IValue(), std::vector<double>{2.0, 1.5}}));
  EXPECT_EQ(onnx_ops(factor, {{2, 3, 4, 5}}).back(), "Resize");
}

TEST(ResizeTest, LinearAndCubic) {
  for (bool align : {false, true}) {
    for (const char* op : {"aten::upsample_bilinear2d", "aten::upsample_bicubic2d"}) {
      TestGraph graph;
      graph.output(graph.call(op, "", {graph.input(), Ints{7, 9}, align}));
      EXPECT_EQ(onnx_ops(graph, {{2, 3, 4, 5}}, 1e-4).back(), "Resize") << op << align;
    }
  }
}

TEST(ResizeTest, NearestAsPillowHasIt) {
  for (const Ints& size : {Ints{7, 9}, Ints{2, 3}, Ints{1, 1}}) {
    TestGraph graph;
    graph.output(graph.call("aten::_upsample_nearest_exact2d", "", {graph.input(), size}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 4, 5}}).back(), "Resize");
  }
}

// The middle of the input, not its first number.
TEST(ResizeTest, DownToOneNumber) {
  for (const char* op : {"aten::upsample_bilinear2d", "aten::upsample_bicubic2d"}) {
    TestGraph graph;
    graph.output(graph.call(op, "", {graph.input(), Ints{1, 1}, false}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 4, 6}}, 1e-4).back(), "Resize") << op;
  }
}

// 45 * 1.4 is 63 in float64 and 62.99 in float32.
TEST(ResizeTest, AFactorGivesLibTorchsSize) {
  for (const auto& [size, factor] :
       std::vector<std::pair<int64_t, double>>{{45, 1.4}, {50, 0.58}, {7, 1.7}, {10, 0.3}, {29, 2.3}}) {
    TestGraph graph;
    graph.output(graph.call("aten::upsample_bilinear2d", "vec",
                            {graph.input(), c10::IValue(), false, std::vector<double>{factor, factor}}));
    EXPECT_EQ(onnx_ops(graph, {{2, 1, size, size}}, 1e-3).back(), "Resize") << size << " " << factor;
  }
}

}  // namespace
}  // namespace pare::exporters
