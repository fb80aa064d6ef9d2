#include "export/onnx/onnx_proto.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

namespace pare::exporters {
namespace {

OnnxBuilder small_model() {
  OnnxBuilder builder;
  const TensorInfo info = {c10::ScalarType::Float, {{2, 3}, {4, 4}}};
  const std::string x = builder.add_input("x", info);
  const std::string w = builder.add_initializer(at::ones({4}), "w");
  builder.add_output("y", builder.add_node("LeakyRelu", {builder.add_node("Add", {x, w})}, {{"alpha", 0.25}}), info);
  builder.finish();
  return builder;
}

TEST(OnnxProtoTest, TheFileSaysWhatTheBuilderSays) {
  const auto bytes = serialize(small_model(), {2, 3});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(*bytes));
  EXPECT_EQ(model.ir_version(), kOnnxIrVersion);
  EXPECT_EQ(model.opset_import(0).version(), kOnnxOpset);
  const onnx::GraphProto& graph = model.graph();
  ASSERT_EQ(graph.node_size(), 2);
  EXPECT_EQ(graph.node(1).op_type(), "LeakyRelu");
  EXPECT_EQ(graph.node(1).attribute(0).f(), 0.25f);
  ASSERT_EQ(graph.initializer_size(), 1);
  EXPECT_EQ(graph.initializer(0).raw_data().size(), 16u);
  EXPECT_EQ(graph.input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  EXPECT_EQ(graph.output(0).type().tensor_type().shape().dim(1).dim_value(), 4);
}

TEST(OnnxProtoTest, TheSameModelGivesTheSameBytes) {
  EXPECT_EQ(*serialize(small_model(), {2, 3}), *serialize(small_model(), {2, 3}));
}

TEST(OnnxProtoTest, AnInvalidModelIsAnErrorWithTheCheckersWords) {
  OnnxBuilder builder;
  const TensorInfo info = {c10::ScalarType::Float, {{2, 2}}};
  builder.add_output("y", builder.add_node("NoSuchOperator", {builder.add_input("x", info)}), info);
  builder.finish();
  const absl::Status status = serialize(builder, {2, 2}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find("NoSuchOperator"), std::string::npos) << status;
}

TEST(OnnxProtoTest, ADtypeThatOnnxLacksIsAnError) {
  OnnxBuilder builder;
  const TensorInfo info = {c10::ScalarType::QInt8, {{2, 2}}};
  builder.add_output("y", builder.add_node("Relu", {builder.add_input("x", info)}), info);
  builder.finish();
  EXPECT_EQ(serialize(builder, {2, 2}).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(onnx_dtype(c10::ScalarType::Long), onnx::TensorProto::INT64);
}

}  // namespace
}  // namespace pare::exporters
