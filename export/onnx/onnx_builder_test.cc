#include "export/onnx/onnx_builder.h"

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace pare::exporters {
namespace {

const TensorInfo kInfo = {c10::ScalarType::Float, {{2, 3}, {4, 4}}};

TEST(OnnxBuilderTest, EqualNodesAndConstantsAreOne) {
  OnnxBuilder builder;
  const std::string x = builder.add_input("x", kInfo);
  EXPECT_EQ(builder.add_node("Relu", {x}), builder.add_node("Relu", {x}));
  EXPECT_NE(builder.add_node("LeakyRelu", {x}, {{"alpha", 0.1}}), builder.add_node("LeakyRelu", {x}, {{"alpha", 0.2}}));
  EXPECT_EQ(builder.add_ints({1, 2}), builder.add_ints({1, 2}));
  EXPECT_NE(builder.add_scalar(1, at::kFloat), builder.add_scalar(1, at::kLong));
  EXPECT_NE(builder.add_scalar(0.0, at::kFloat), builder.add_scalar(-0.0, at::kFloat));
  EXPECT_EQ(builder.add_scalar(NAN, at::kFloat), builder.add_scalar(NAN, at::kFloat));
}

TEST(OnnxBuilderTest, WhatNoOutputNeedsIsLeftOut) {
  OnnxBuilder builder;
  const std::string x = builder.add_input("x", kInfo);
  builder.add_node("Add", {x, builder.add_scalar(3, at::kFloat)});
  const std::string y = builder.add_node("Mul", {x, builder.add_scalar(2, at::kFloat)});
  builder.add_output("y", y, kInfo);
  builder.finish();
  ASSERT_EQ(builder.nodes().size(), 1u);
  EXPECT_EQ(builder.nodes()[0].outputs, std::vector<std::string>{"y"});
  ASSERT_EQ(builder.initializers().size(), 1u);
  EXPECT_EQ(builder.initializers()[0].second.item<float>(), 2);
}

TEST(OnnxBuilderTest, AnInputOrConstantCanBeAnOutput) {
  OnnxBuilder builder;
  const std::string x = builder.add_input("x", kInfo);
  builder.add_output("same", x, kInfo);
  builder.add_output("number", builder.add_scalar(2, at::kFloat), {c10::ScalarType::Float, {}});
  builder.finish();
  EXPECT_EQ(builder.nodes().size(), 2u);
  EXPECT_EQ(builder.nodes()[0].op, "Identity");
}

TEST(OnnxBuilderTest, NamesAreUniqueAndPlain) {
  OnnxBuilder builder;
  EXPECT_EQ(builder.add_input("x:1", kInfo), "x_1");
  EXPECT_NE(builder.add_input("x 1", kInfo), "x_1");
  const std::string a = builder.add_node("Relu", {"x_1"});
  builder.name_last_node("layer");
  builder.add_node("Relu", {a});
  builder.name_last_node("layer");
  EXPECT_EQ(builder.nodes()[0].name, "layer");
  EXPECT_EQ(builder.nodes()[1].name, "layer_1");
}

TEST(OnnxBuilderTest, FindsWhatItMade) {
  OnnxBuilder builder;
  const std::string x = builder.add_input("x", kInfo), constant = builder.add_ints({5});
  const auto parts = builder.add_node_with_outputs("Split", {x, constant, "", ""}, 2);
  ASSERT_NE(builder.find_producer(parts[1]), nullptr);
  EXPECT_EQ(builder.find_producer(parts[1])->inputs.size(), 2u);
  EXPECT_EQ(builder.find_producer(x), nullptr);
  EXPECT_EQ(builder.find_initializer(constant)->item<int64_t>(), 5);
  EXPECT_EQ(builder.find_initializer(parts[0]), nullptr);
}

}  // namespace
}  // namespace pare::exporters
