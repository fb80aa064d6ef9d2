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

}  // namespace
}  // namespace pare::exporters
