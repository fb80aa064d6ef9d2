#include "export/onnx/aliases.h"

#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

TEST(AliasesTest, ViewsShareCopiesDoNot) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* view = graph.call("aten::view", "", {x, Ints{-1}});
  graph::Value* part = graph.call("aten::select", "int", {view, 0, 0});
  graph::Value* sum = graph.call("aten::add", "Scalar", {part, 1});
  graph.output(sum);
  const Aliases aliases(graph.graph());
  EXPECT_EQ(aliases.root(part), x);
  EXPECT_EQ(aliases.root(sum), sum);
  EXPECT_EQ(aliases.group(view).size(), 3u);
}

TEST(AliasesTest, AnInPlaceOperatorIsFineIfNobodyElseLooks) {
  TestGraph fine, seen;
  graph::Value* y = fine.call("aten::neg", "", {fine.input()});
  fine.call("aten::select", "int", {y, 0, 0});
  graph::Node* write = fine.node("aten::relu_", "", {y});
  fine.output(y);
  EXPECT_TRUE(Aliases(fine.graph()).check_in_place(*write).ok());

  y = seen.call("aten::neg", "", {seen.input()});
  graph::Value* row = seen.call("aten::select", "int", {y, 0, 0});
  write = seen.node("aten::relu_", "", {y});
  seen.output(row);
  const absl::Status status = Aliases(seen.graph()).check_in_place(*write);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("aten::relu_"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::exporters
