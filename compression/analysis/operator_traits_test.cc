#include "compression/analysis/operator_traits.h"

#include "compression/analysis/test_net.h"

namespace pare {
namespace {

using Ints = std::vector<int64_t>;

OperatorTraits traits_of(const graph::Value* value, TargetDevice device = TargetDevice::kAny) {
  return operator_traits(*value->producer(), device);
}

TEST(ParseTargetDeviceTest, KnowsFiveNames) {
  for (const char* name : {"ANY", "CPU", "GPU", "NPU", "TRIAL"})
    EXPECT_STREQ(to_string(*parse_target_device(name)), name);
  const auto wrong = parse_target_device("cpu");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(wrong.status().message().find("\"cpu\""), std::string::npos);
}

TEST(OperatorTraitsTest, WeightedOperators) {
  TestNet net;
  graph::Value* x = net.input("x");
  const OperatorTraits conv = traits_of(net.conv("c", x, 3, 8));
  EXPECT_EQ(conv.kind, OperatorKind::kConvolution);
  EXPECT_EQ(conv.data, (std::vector<size_t>{0}));
  EXPECT_EQ(conv.weight, 1);
  EXPECT_TRUE(conv.takes_quantized);
  const OperatorTraits addmm = traits_of(net.op("a", "aten::addmm", "", {{"self", x}, {"mat1", x}, {"mat2", x}}));
  EXPECT_EQ(addmm.kind, OperatorKind::kMatmul);
  EXPECT_EQ(addmm.data, (std::vector<size_t>{1, 2}));
}

TEST(OperatorTraitsTest, DevicesDiffer) {
  TestNet net;
  graph::Value* x = net.input("x");
  const graph::Value* sum = net.op("s", "aten::sum", "", {{"self", x}});
  EXPECT_FALSE(traits_of(sum, TargetDevice::kCpu).takes_quantized);
  EXPECT_FALSE(traits_of(sum, TargetDevice::kAny).takes_quantized);
  EXPECT_TRUE(traits_of(sum, TargetDevice::kGpu).takes_quantized);
  EXPECT_TRUE(traits_of(sum, TargetDevice::kNpu).takes_quantized);
  const graph::Value* tanh = net.unary("t", "aten::tanh", x);
  EXPECT_FALSE(traits_of(tanh, TargetDevice::kCpu).takes_quantized);
  EXPECT_TRUE(traits_of(tanh, TargetDevice::kTrial).takes_quantized);
  const graph::Value* nearest =
      net.op("u", "aten::upsample_nearest2d", "", {{"self", x}, {"output_size", c10::IValue(Ints{4, 4})}});
  EXPECT_TRUE(traits_of(nearest, TargetDevice::kCpu).takes_quantized);
  EXPECT_TRUE(traits_of(nearest, TargetDevice::kGpu).is_agnostic());
}

TEST(OperatorTraitsTest, OverloadsOfMaxAreDifferentOperators) {
  TestNet net;
  graph::Value* x = net.input("x");
  EXPECT_EQ(traits_of(net.op("a", "aten::max", "other", {{"self", x}, {"other", x}})).kind, OperatorKind::kArithmetic);
  EXPECT_EQ(traits_of(net.op("b", "aten::max", "dim", {{"self", x}, {"dim", c10::IValue(int64_t{1})}})).kind,
            OperatorKind::kSelection);
}

TEST(OperatorTraitsTest, PaddingIsAgnosticOnlyWithZeros) {
  TestNet net;
  graph::Value* x = net.input("x");
  const TestNet::Arguments zeros{{"self", x}, {"pad", c10::IValue(Ints{1, 1})}, {"value", c10::IValue(0.0)}};
  const TestNet::Arguments ones{{"self", x}, {"pad", c10::IValue(Ints{1, 1})}, {"value", c10::IValue(1.0)}};
  EXPECT_TRUE(traits_of(net.op("z", "aten::constant_pad_nd", "", zeros)).is_agnostic());
  EXPECT_EQ(traits_of(net.op("o", "aten::constant_pad_nd", "", ones)).kind, OperatorKind::kOther);
}

TEST(OperatorTraitsTest, WhatRoundsWritesInPlaceOrIsUnknownIsLeftAlone) {
  TestNet net;
  graph::Value* x = net.input("x");
  const TestNet::Arguments floor{{"self", x}, {"other", x}, {"rounding_mode", c10::IValue("floor")}};
  EXPECT_EQ(traits_of(net.op("d", "aten::div", "Tensor_mode", floor)).kind, OperatorKind::kOther);
  EXPECT_EQ(traits_of(net.op("i", "aten::add_", "Tensor", {{"self", x}, {"other", x}})).kind, OperatorKind::kOther);
  EXPECT_EQ(traits_of(net.unary("f", "aten::digamma", x)).kind, OperatorKind::kOther);
}

TEST(IsShapeUseTest, SizesAndTemplates) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Node* size = net.node("s", "aten::size", "int", {{"self", x}, {"dim", c10::IValue(int64_t{0})}});
  graph::Node* expand = net.node("e", "aten::expand_as", "", {{"self", x}, {"other", x}});
  EXPECT_TRUE(is_shape_use({size, 0}));
  EXPECT_FALSE(is_shape_use({expand, 0}));
  EXPECT_TRUE(is_shape_use({expand, 1}));
  EXPECT_FALSE(is_shape_use({nullptr, 0}));
}

TEST(IsIndexUseTest, IndicesAndConditions) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Node* embedding =
      net.node("e", "aten::embedding", "", {{"weight", net.parameter("w", {4, 2})}, {"indices", x}});
  EXPECT_FALSE(is_index_use({embedding, 0}));
  EXPECT_TRUE(is_index_use({embedding, 1}));
}

TEST(IsDepthwiseTest, AGroupForEachChannel) {
  TestNet net;
  graph::Value* x = net.input("x");
  EXPECT_TRUE(is_depthwise(*net.conv("dw", x, 8, 8, 8)->producer()));
  EXPECT_FALSE(is_depthwise(*net.conv("grouped", x, 8, 8, 2)->producer()));
  EXPECT_FALSE(is_depthwise(*net.conv("plain", x, 1, 8)->producer()));
}

}  // namespace
}  // namespace pare
