#include "export/onnx/graph_to_onnx.h"

#include <ATen/ATen.h>
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

TEST(GraphToOnnxTest, ABufferIsReadBeforeAndAfterTheInputIsWrittenToIt) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* buffer = graph.graph().add_buffer("mean", at::full({3}, 4.0)).value();
  graph::Value* before = graph.call("aten::mul", "Scalar", {buffer, 0.0});
  graph.call("aten::copy_", "", {buffer, graph.call("aten::mean", "dim", {x, Ints{0}})});
  graph::Value* after = graph.call("aten::sub", "Tensor", {x, graph.call("aten::mul", "Scalar", {buffer, 2.0})});
  graph.output(graph.call("aten::add", "Tensor", {after, before}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"Mul", "ReduceMean", "Mul", "Sub", "Add"}));
}

TEST(GraphToOnnxTest, AnUnsupportedOperatorSaysWhereItStands) {
  TestGraph graph;
  graph::Node* node = graph.graph()
                          .add_operator("aten::special_i0e", "", {graph.input()}, {nullptr, "head", {}, "model.py:12"})
                          .value();
  graph.output(node->output());
  for (const absl::Status& status : {onnx_error(graph, {{2, 3}}), check_operators(graph.graph())}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_NE(status.message().find("model.py:12"), std::string::npos) << status;
  }
}

TEST(GraphToOnnxTest, OperatorsThatMayHaveNoExporter) {
  TestGraph constant, unused;
  graph::Value* number = constant.call("aten::special_i0e", "", {constant.parameter("w", random_tensor({3}))});
  constant.output(constant.call("aten::add", "Tensor", {constant.input(), number}));
  EXPECT_TRUE(check_operators(constant.graph()).ok()) << check_operators(constant.graph());
  graph::Value* x = unused.input();
  unused.call("aten::special_i0e", "", {x});
  unused.output(unused.call("aten::relu", "", {x}));
  EXPECT_TRUE(check_operators(unused.graph()).ok()) << check_operators(unused.graph());
}

TEST(GraphToOnnxTest, AnOutputThatIsNoTensorIsAnError) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph.output(graph.call("aten::size", "int", {x, 0}));
  EXPECT_FALSE(onnx_error(graph, {{2, 3}}).ok());
  graph::Value* item = graph.call("aten::item", "", {graph.call("aten::sum", "", {x})});
  graph.output(item);
  EXPECT_FALSE(onnx_error(graph, {{2, 3}}).ok());
}

}  // namespace
}  // namespace pare::exporters
