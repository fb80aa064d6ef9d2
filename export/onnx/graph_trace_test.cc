#include "export/onnx/graph_trace.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"
#include "nlohmann/json.hpp"

namespace pare::exporters {
namespace {

TEST(GraphTraceTest, TellsConstantsSizesAndDataApart) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* batch = graph.call("aten::size", "int", {x, 0});
  graph::Value* width = graph.call("aten::size", "int", {x, 1});
  graph::Value* weight = graph.call("aten::t", "", {graph.parameter("w", random_tensor({3, 2}))});
  graph::Value* y = graph.call("aten::relu", "", {x});
  graph.output(y);
  const auto trace = GraphTrace::run(graph.graph(), {{1, 3}});
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_TRUE(trace->has_dynamic_batch());
  EXPECT_EQ(trace->info(batch).depends_on, DependsOn::kBatchSize);
  EXPECT_EQ(trace->info(batch).second.toInt(), trace->batch().second);
  EXPECT_EQ(trace->info(width).depends_on, DependsOn::kNothing);
  EXPECT_EQ(trace->info(weight).depends_on, DependsOn::kNothing);
  EXPECT_EQ(trace->info(y).depends_on, DependsOn::kInputs);
  EXPECT_EQ(trace->info(y).tensors.at(0).dims, (std::vector<Dim>{{2, 3}, {3, 3}}));
}

TEST(GraphTraceTest, AQuantizedWeightIsNoConstant) {
  TestGraph graph;
  graph::Value* w = graph.call("aten::fake_quantize_per_tensor_affine", "",
                               {graph.parameter("w", random_tensor({3})), 0.1, 0, -8, 7});
  graph.output(graph.call("aten::add", "Tensor", {graph.input(), w}));
  const auto trace = GraphTrace::run(graph.graph(), {{1, 3}});
  ASSERT_TRUE(trace.ok());
  EXPECT_EQ(trace->info(w).depends_on, DependsOn::kInputs);
}

TEST(GraphTraceTest, AModelOfOneBatchSizeIsTakenAsItIs) {
  TestGraph graph;
  graph.output(graph.call("aten::view", "", {graph.input(), Ints{2, 6}}));
  const auto trace = GraphTrace::run(graph.graph(), {{4, 3}});
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_FALSE(trace->has_dynamic_batch());
  EXPECT_EQ(trace->batch(), (Dim{4, 4}));
}

TEST(GraphTraceTest, ParametersAreNotChangedByInPlaceOperators) {
  TestGraph graph;
  const at::Tensor weight = random_tensor({3});
  graph::Value* w = graph.parameter("w", weight);
  graph.call("aten::add_", "Scalar", {w, 1});
  graph.output(graph.call("aten::add", "Tensor", {graph.input(), w}));
  const at::Tensor before = weight.clone();
  ASSERT_TRUE(GraphTrace::run(graph.graph(), {{1, 3}}).ok());
  EXPECT_TRUE(weight.equal(before));
}

class Nothing : public graph::Transform {
 public:
  std::string_view type() const override { return "nothing"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0]; }
};

TEST(GraphTraceTest, Errors) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph.output(graph.call("aten::relu", "", {graph.call("aten::view", "", {x, Ints{-1, 7}}, "layer1")}));
  EXPECT_EQ(GraphTrace::run(graph.graph(), {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GraphTrace::run(graph.graph(), {{0, 3}}).status().code(), absl::StatusCode::kInvalidArgument);
  const absl::Status wrong = GraphTrace::run(graph.graph(), {{2, 3}}).status();
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(wrong.message().find("layer1/aten::view"), std::string::npos) << wrong;

  TestGraph transformed;
  const auto node = transformed.graph().add_transform(std::make_shared<Nothing>(), {transformed.input()},
                                                      {nullptr, "layer1.conv", {}, ""});
  transformed.output((*node)->output());
  const absl::Status left = GraphTrace::run(transformed.graph(), {{2, 3}}).status();
  EXPECT_EQ(left.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(left.message().find("layer1.conv/pare::nothing"), std::string::npos) << left;
}

TEST(GraphTraceTest, DtypesThatAreKnownAreTaken) {
  TestGraph graph;
  graph::Value *ids = graph.input("ids"), *mask = graph.input("mask");
  graph.output(graph.call("aten::masked_fill", "Scalar", {ids, mask, 0}));
  const std::vector<c10::ScalarType> dtypes = {at::kInt, at::kBool};
  const auto trace = GraphTrace::run(graph.graph(), {{2, 3}, {2, 3}}, dtypes);
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->input_dtypes(), dtypes);
  EXPECT_EQ(trace->info(graph.graph().output()).tensors.at(0).dtype, at::kInt);
  EXPECT_EQ(GraphTrace::run(graph.graph(), {{2, 3}, {2, 3}}, {at::kInt}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(GraphTraceTest, AModelOfSixteenBitsIsRefused) {
  TestGraph graph;
  graph.output(
      graph.call("aten::mul", "Tensor", {graph.input(), graph.parameter("fc.w", random_tensor({3}).to(at::kHalf))}));
  const absl::Status status = GraphTrace::run(graph.graph(), {{2, 3}}, {at::kHalf}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("fc.w is Half"), std::string::npos) << status;
}

TEST(GraphTraceTest, ANanIsAConstantLikeAnother) {
  TestGraph graph;
  graph::Value* nan = graph.call("aten::log", "", {graph.parameter("minus", at::full({3}, -1.0))});
  graph.output(graph.call("aten::add", "Tensor", {graph.input(), nan}));
  const auto trace = GraphTrace::run(graph.graph(), {{2, 3}});
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->info(nan).depends_on, DependsOn::kNothing);
}

TEST(GraphTraceTest, ABufferThatTheInputIsWrittenToIsNoConstant) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* buffer = graph.graph().add_buffer("mean", at::zeros({3})).value();
  graph.call("aten::copy_", "", {buffer, graph.call("aten::mean", "dim", {x, Ints{0}})});
  graph::Value* twice = graph.call("aten::mul", "Scalar", {buffer, 2.0});
  graph.output(graph.call("aten::sub", "Tensor", {x, twice}));
  const auto trace = GraphTrace::run(graph.graph(), {{2, 3}});
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->info(buffer).depends_on, DependsOn::kInputs);
  EXPECT_EQ(trace->info(twice).depends_on, DependsOn::kInputs);
}

TEST(GraphTraceTest, TheBatchIsLargerThanWhatIsCutFromIt) {
  TestGraph graph;
  graph::Value* rest = graph.call("aten::slice", "Tensor", {graph.input(), 0, 5});
  graph.output(rest);
  const auto trace = GraphTrace::run(graph.graph(), {{2, 3}});
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->info(rest).tensors.at(0).dims.at(0), (Dim{1, 2}));
}

}  // namespace
}  // namespace pare::exporters
