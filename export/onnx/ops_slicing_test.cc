#include <gtest/gtest.h>

#include <tuple>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

Ops slicing(const std::string& op, const std::string& overload, std::vector<Argument> more) {
  TestGraph graph;
  std::vector<Argument> arguments = {graph.input()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  graph.output(graph.call("aten::relu", "", {graph.call("aten::" + op, overload, arguments)}));
  return onnx_ops(graph, {{2, 6, 5}});
}

TEST(SlicingTest, SlicesAndPlaces) {
  EXPECT_EQ(slicing("slice", "Tensor", {1, 1, -1, 2}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(slicing("slice", "Tensor", {1, -100, 100}), Ops{"Relu"});
  EXPECT_EQ(slicing("narrow", "", {1, 2, 3}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(slicing("select", "int", {1, -2}), (Ops{"Gather", "Relu"}));
  EXPECT_EQ(slicing("roll", "", {Ints{2, -1}, Ints{1, 2}}).size(), 7u);
  EXPECT_EQ(slicing("flip", "", {Ints{1, 2}}), (Ops{"Slice", "Slice", "Relu"}));
  EXPECT_EQ(slicing("tril", "", {1}), (Ops{"Trilu", "Relu"}));
}

// A place that is fixed may lie behind the end of the batch that the export ran with.
TEST(SlicingTest, CutsOfTheBatchAtFixedPlaces) {
  const RunOptions options = {.batches = {2, 6, 9}};
  const auto cut = [&](const std::string& op, const std::string& overload, std::vector<Argument> more) {
    TestGraph graph;
    more.insert(more.begin(), graph.input());
    graph.output(graph.call("aten::relu", "", {graph.call("aten::" + op, overload, more)}));
    return onnx_ops(graph, {{2, 5}}, options);
  };
  EXPECT_EQ(cut("slice", "Tensor", {0, 0, 5}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(cut("slice", "Tensor", {0, 5}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(cut("slice", "Tensor", {0, -3, -1}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(cut("slice", "Tensor", {0, 0, 300}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(cut("narrow", "", {0, -1, 1}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(cut("narrow", "", {0, -2, 1}), (Ops{"Slice", "Relu"}));
  EXPECT_EQ(cut("select", "int", {0, -1}), (Ops{"Gather", "Relu"}));
}

// x.chunk(2)[-1], as a script holds it.
TEST(SlicingTest, AnElementOfAListThatIsComputed) {
  TestGraph graph;
  graph::Value* parts = graph.call("aten::chunk", "", {graph.input(), 2, 1});
  const auto item = graph.graph().add_operator("aten::__getitem__", "t", {parts, graph.graph().add_constant(-1)},
                                               {nullptr, "", {}, ""});
  ASSERT_TRUE(item.ok()) << item.status();
  graph.output(graph.call("aten::relu", "", {(*item)->output()}));
  EXPECT_EQ(onnx_ops(graph, {{2, 6, 5}}), (Ops{"Split", "Relu"}));
}

TEST(SlicingTest, PartsAreUnpacked) {
  for (const auto& [op, overload, argument] : std::vector<std::tuple<std::string, std::string, Argument>>{
           {"chunk", "", 3}, {"split", "Tensor", 2}, {"split_with_sizes", "", Ints{1, 2, 3}}}) {
    TestGraph graph;
    const auto parts = graph.unpack(graph.call("aten::" + op, overload, {graph.input(), argument, 1}), 3);
    graph.output(graph.call("aten::cat", "", {graph.list({parts[2], parts[0]}), 1}));
    EXPECT_EQ(onnx_ops(graph, {{2, 6, 5}}), (Ops{"Split", "Concat"})) << op;
  }
  TestGraph graph;
  const auto parts = graph.unpack(graph.call("aten::unbind", "int", {graph.input(), 1}), 3);
  graph.output(graph.call("aten::sub", "Tensor", {parts[0], parts[2]}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 5}}), (Ops{"Gather", "Gather", "Sub"}));
}

TEST(SlicingTest, SplittingTheBatchIsRefused) {
  TestGraph graph;
  graph.output(graph.unpack(graph.call("aten::chunk", "", {graph.input(), 2, 0}), 2)[0]);
  EXPECT_EQ(onnx_error(graph, {{4, 3}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
