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

TEST(IndexingTest, AnEmbeddingOfSumsTakesWholeNumbersToo) {
  TestGraph graph;
  graph::Value* ids = graph.call("aten::add", "Scalar", {graph.input("ids"), 1});
  graph.output(graph.call("aten::embedding", "", {graph.parameter("table", random_tensor({5, 3})), ids}));
  EXPECT_EQ(onnx_ops(graph, {{2, 4}}), (Ops{"Add", "Gather"}));
}

TEST(IndexingTest, Scattering) {
  for (const char* kind : {"src", "value", "add"}) {
    TestGraph graph;
    graph::Value *x = graph.input("x"), *ids = graph.input("ids"), *more = graph.input("more");
    const std::string name = kind;
    // Places along the first of two axes that no other number of the same row is written to, but for sums.
    graph::Value* places = graph.parameter("places", at::tensor(std::vector<int64_t>{2, 0, 3}).reshape({1, 3}));
    places = graph.call("aten::add", "Tensor", {graph.call("aten::mul", "Scalar", {ids, 0}), places});
    graph.model().set_input_dtypes({at::kFloat, at::kLong, at::kFloat});
    if (name == "value") {
      graph.output(graph.call("aten::scatter", "value", {x, 1, places, 7.0}));
    } else {
      graph.output(graph.call(name == "add" ? "aten::scatter_add" : "aten::scatter", name == "add" ? "" : "src",
                              {x, 1, name == "add" ? ids : places, more}));
    }
    const Ops ops = onnx_ops(graph, {{2, 4}, {2, 3}, {2, 3}});
    EXPECT_EQ(ops.back(), "ScatterElements") << kind;
  }
}

TEST(IndexingTest, WritingToPlaces) {
  for (bool accumulate : {false, true}) {
    TestGraph graph;
    graph::Value* copy = graph.call("aten::mul", "Scalar", {graph.input("x"), 1.5});
    c10::List<c10::optional<at::Tensor>> indices;
    indices.push_back(at::tensor(std::vector<int64_t>{1, 0}));
    indices.push_back(at::tensor(std::vector<int64_t>{2, 1}));
    graph::Value* values = graph.parameter("values", random_tensor({4}));
    graph.call("aten::index_put_", "", {copy, c10::IValue(indices), values, accumulate});
    graph.output(graph.call("aten::relu", "", {copy}));
    const Ops ops = onnx_ops(graph, {{2, 3, 4}});
    EXPECT_NE(std::find(ops.begin(), ops.end(), "ScatterND"), ops.end()) << ::testing::PrintToString(ops);
  }
}

TEST(IndexingTest, OneHotNeedsItsNumberOfClasses) {
  TestGraph fine, open;
  fine.output(fine.call("aten::one_hot", "", {fine.input("ids"), 4}));
  EXPECT_EQ(onnx_ops(fine, {{2, 3}}), Ops{"OneHot"});
  open.output(open.call("aten::one_hot", "", {open.input("ids"), -1}));
  EXPECT_EQ(onnx_error(open, {{2, 3}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
