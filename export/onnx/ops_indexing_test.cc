#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(IndexingTest, AnEmbeddingTakesWholeNumbers) {
  TestGraph graph;
  graph.output(
      graph.call("aten::embedding", "", {graph.parameter("table", random_tensor({5, 3})), graph.input("ids")}));
  EXPECT_EQ(onnx_ops(graph, {{2, 4}}), Ops{"Gather"});
}

TEST(IndexingTest, OneListOfPlaces) {
  TestGraph graph;
  graph::Value* places = graph.parameter("places", at::tensor(std::vector<int64_t>{2, 0, 1}));
  graph.output(graph.call("aten::index_select", "", {graph.input(), 1, places}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}}), Ops{"Gather"});
}

// x[:, rows, columns], whose result stands where the first list was, and x[rows, :, columns], where it comes first.
TEST(IndexingTest, SeveralListsOfPlaces) {
  for (bool neighbours : {true, false}) {
    TestGraph graph;
    const at::Tensor rows = at::tensor(std::vector<int64_t>{2, 0}), columns = at::tensor(std::vector<int64_t>{1, 3});
    c10::List<c10::optional<at::Tensor>> indices;
    indices.push_back(neighbours ? c10::optional<at::Tensor>()
                                 : c10::optional<at::Tensor>(at::tensor(std::vector<int64_t>{0, 1})));
    indices.push_back(neighbours ? c10::optional<at::Tensor>(rows) : c10::optional<at::Tensor>());
    indices.push_back(columns);
    graph.output(graph.call("aten::index", "Tensor", {graph.input(), c10::IValue(indices)}));
    const Ops ops = onnx_ops(graph, {{2, 3, 4}});
    EXPECT_NE(std::find(ops.begin(), ops.end(), "GatherND"), ops.end()) << ::testing::PrintToString(ops);
  }
}

TEST(IndexingTest, AMaskThatIsAConstantIsAListOfPlaces) {
  TestGraph graph;
  c10::List<c10::optional<at::Tensor>> indices;
  indices.push_back(c10::optional<at::Tensor>());
  indices.push_back(at::tensor(std::vector<int64_t>{1, 0, 1}).to(at::kBool));
  graph.output(graph.call("aten::index", "Tensor", {graph.input(), c10::IValue(indices)}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}}), Ops{"Gather"});
}

TEST(IndexingTest, AMaskFromTheInputIsRefused) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* mask = graph.call("aten::ge", "Scalar", {x, -1.0});
  graph::Node* list =
      graph.graph()
          .add_structure("prim::ListConstruct", {mask}, 1, {}, c10::OptionalType::create(c10::TensorType::get()))
          .value();
  graph.output(graph.call("aten::index", "Tensor", {x, list->output()}));
  EXPECT_EQ(onnx_error(graph, {{2, 3}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
