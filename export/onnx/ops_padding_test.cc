#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(PaddingTest, AllModes) {
  for (const char* mode : {"constant", "reflect", "replicate"}) {
    TestGraph graph;
    graph.output(graph.call("aten::pad", "", {graph.input(), Ints{1, 2, 0, 1}, mode}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 4, 5}}), Ops{"Pad"}) << mode;
  }
}

TEST(PaddingTest, ANumberAndNegativePadding) {
  TestGraph number, negative;
  number.output(number.call("aten::constant_pad_nd", "", {number.input(), Ints{1, 2}, 0.5}));
  EXPECT_EQ(onnx_ops(number, {{2, 3, 4}}), Ops{"Pad"});
  negative.output(negative.call("aten::constant_pad_nd", "", {negative.input(), Ints{-1, 2}}));
  EXPECT_EQ(onnx_ops(negative, {{2, 3, 4}}), Ops{"Pad"});
}

TEST(PaddingTest, CircularIsRefused) {
  TestGraph graph;
  graph.output(graph.call("aten::pad", "", {graph.input(), Ints{1, 1}, "circular"}));
  EXPECT_EQ(onnx_error(graph, {{2, 3, 4}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
