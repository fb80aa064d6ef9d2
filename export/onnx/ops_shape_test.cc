#include <c10/core/ScalarType.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

Ops shape_op(const std::string& op, const std::string& overload, std::vector<Argument> more,
             const Ints& shape = {2, 4, 3}) {
  TestGraph graph;
  std::vector<Argument> arguments = {graph.input()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  graph.output(graph.call("aten::" + op, overload, arguments));
  return onnx_ops(graph, {shape});
}

TEST(ShapeTest, ReshapesKeepTheBatchDynamic) {
  EXPECT_EQ(shape_op("flatten", "using_ints", {1, -1}), Ops{"Flatten"});
  EXPECT_EQ(shape_op("view", "", {Ints{-1, 2, 6}}), Ops{"Reshape"});
  EXPECT_EQ(shape_op("reshape", "", {Ints{-1, 3}}), Ops{"Reshape"});
  EXPECT_EQ(shape_op("unsqueeze", "", {0}), Ops{"Reshape"});
  EXPECT_EQ(shape_op("squeeze", "dim", {1}, {2, 1, 3}), Ops{"Flatten"});
}

TEST(ShapeTest, Axes) {
  EXPECT_EQ(shape_op("permute", "", {Ints{0, -1, 1}}), Ops{"Transpose"});
  EXPECT_EQ(shape_op("transpose", "int", {1, -1}), Ops{"Transpose"});
  EXPECT_EQ(shape_op("movedim", "int", {2, 0}), Ops{"Transpose"});
  EXPECT_EQ(shape_op("numpy_T", "", {}), Ops{"Transpose"});
}

TEST(ShapeTest, JoiningAndRepeating) {
  EXPECT_EQ(shape_op("repeat", "", {Ints{2, 1, 1, 2}}).back(), "Tile");
  EXPECT_EQ(shape_op("repeat_interleave", "self_int", {3, 1}), (Ops{"Unsqueeze", "Expand", "Reshape"}));
  EXPECT_EQ(shape_op("expand", "", {Ints{-1, 4, 3}, false}, {2, 1, 3}), Ops{"Expand"});
  TestGraph graph;
  graph::Value *x = graph.input("x"), *y = graph.input("y");
  graph.output(graph.call("aten::stack", "",
                          {graph.list({graph.call("aten::cat", "", {graph.list({x, y}), -1}),
                                       graph.call("aten::cat", "", {graph.list({y, x}), 1})}),
                           1}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}, {2, 3}}), (Ops{"Concat", "Concat", "Unsqueeze", "Unsqueeze", "Concat"}));
}

TEST(ShapeTest, Shuffles) {
  EXPECT_EQ(shape_op("pixel_shuffle", "", {2}, {2, 8, 3, 3}), Ops{"DepthToSpace"});
  EXPECT_EQ(shape_op("pixel_unshuffle", "", {2}, {2, 2, 6, 4}), (Ops{"Reshape", "Transpose", "Reshape"}));
  EXPECT_EQ(shape_op("channel_shuffle", "", {2}, {2, 6, 3, 3}), (Ops{"Reshape", "Transpose", "Reshape"}));
}

TEST(ShapeTest, ReadingBytesAsAnotherDtypeIsRefused) {
  TestGraph graph;
  graph.output(graph.call("aten::view", "dtype", {graph.input(), static_cast<int64_t>(c10::ScalarType::Int)}));
  EXPECT_EQ(onnx_error(graph, {{2, 3}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
