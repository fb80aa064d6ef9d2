#include "export/onnx/graph_to_onnx.h"

#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(GraphToOnnxTest, AnUnsupportedOperatorMattersOnlyIfTheOutputNeedsIt) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* strange = graph.call("aten::special_i0e", "", {x}, "layer1");
  graph.output(graph.call("aten::relu", "", {x}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), Ops{"Relu"});
  graph.output(graph.call("aten::relu", "", {strange}));
  const absl::Status status = onnx_error(graph, {{2, 3}});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("layer1/aten::special_i0e"), std::string::npos) << status;
}

TEST(GraphToOnnxTest, InPlaceOperatorsAreReadAsTheOthers) {
  TestGraph graph;
  graph::Value* y = graph.call("aten::mul", "Scalar", {graph.input(), 2.0});
  graph.call("aten::relu_", "", {y});
  graph.output(graph.call("aten::neg", "", {y}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"Mul", "Relu", "Neg"}));
}

TEST(GraphToOnnxTest, AWriteIntoAViewIsRefused) {
  TestGraph graph;
  graph::Value* y = graph.call("aten::mul", "Scalar", {graph.input(), 2.0});
  graph.call("aten::relu_", "", {graph.call("aten::select", "int", {y, 1, 0})});
  graph.output(graph.call("aten::neg", "", {y}));
  const absl::Status status = onnx_error(graph, {{2, 3}});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("aten::relu_"), std::string::npos) << status;
}

TEST(GraphToOnnxTest, AWriteIntoAConstantIsComputedAtExport) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* mask = graph.call("aten::zeros", "", {Ints{3}});
  graph.call("aten::fill_", "Scalar", {graph.call("aten::select", "int", {mask, 0, 1}), 1.0});
  graph.output(graph.call("aten::mul", "Tensor", {x, mask}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), Ops{"Mul"});
}

TEST(GraphToOnnxTest, SizesOfTheBatchThatWereBakedIn) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* batch = graph.call("aten::size", "int", {x, 0});
  graph::Node* shape =
      graph.graph()
          .add_structure("prim::ListConstruct", {batch, graph.graph().add_constant(6)}, 1, {}, c10::IntType::get())
          .value();
  graph.output(graph.call("aten::view", "", {x, shape->output()}));
  EXPECT_EQ(onnx_ops(graph, {{2, 2, 3}}), Ops{"Flatten"});
}

TEST(GraphToOnnxTest, ATokenThatIsExpandedOverTheBatch) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* batch = graph.call("aten::size", "int", {x, 0});
  const auto minus_one = graph.graph().add_constant(-1);
  graph::Node* shape =
      graph.graph()
          .add_structure("prim::ListConstruct", {batch, minus_one, minus_one}, 1, {}, c10::IntType::get())
          .value();
  graph::Value* token =
      graph.call("aten::expand", "", {graph.parameter("token", random_tensor({1, 1, 4})), shape->output()});
  graph.output(graph.call("aten::cat", "", {graph.list({token, x}), 1}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}}), (Ops{"Shape", "Concat", "Expand", "Concat"}));
}

TEST(GraphToOnnxTest, OutputsAreFlattened) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* y = graph.call("aten::relu", "", {x});
  graph.output(graph.graph().add_structure("prim::TupleConstruct", {y, x}, 1, {}).value()->output());
  const auto trace = GraphTrace::run(graph.graph(), {{2, 3}});
  ASSERT_TRUE(trace.ok());
  OnnxBuilder builder;
  ASSERT_TRUE(GraphToOnnx(graph.graph(), *trace, &builder).run().ok());
  ASSERT_EQ(builder.outputs().size(), 2u);
  EXPECT_EQ(builder.outputs()[0].name, "output_0");
  EXPECT_EQ(builder.outputs()[1].name, "output_1");
}

}  // namespace
}  // namespace pare::exporters
