#include "compression/analysis/data_flow.h"

#include "compression/analysis/test_net.h"

namespace pare {
namespace {

using c10::IValue;

constexpr int64_t kFloatType = static_cast<int64_t>(c10::kFloat), kLongType = static_cast<int64_t>(c10::kLong);

graph::Value* cast(TestNet& net, const std::string& scope, graph::Value* x, int64_t dtype) {
  return net.op(scope, "aten::to", "dtype", {{"self", x}, {"dtype", IValue(dtype)}});
}

TEST(DataFlowTest, TokensAreNoNumbersAndTheirEmbeddingsAre) {
  TestNet net;
  graph::Value* ids = net.input("ids");
  graph::Value* moved = net.shift("offset", ids, 0);
  graph::Value* embedded =
      net.op("e", "aten::embedding", "", {{"weight", net.parameter("w", {4, 2})}, {"indices", moved}});
  const DataFlow flow(net.graph(), TargetDevice::kAny);
  EXPECT_EQ(flow.number(ids), Number::kNone);
  EXPECT_EQ(flow.number(embedded), Number::kReal);
  EXPECT_TRUE(flow.from_input(embedded));
}

TEST(DataFlowTest, AMaskIsCastFromAnInputThatIsOnlyCast) {
  TestNet net;
  graph::Value* mask = net.input("mask");
  graph::Value* wide = net.op("u", "aten::unsqueeze", "", {{"self", mask}, {"dim", IValue(int64_t{1})}});
  graph::Value* as_float = cast(net, "to", wide, kFloatType);
  graph::Value* penalty = net.scale("mul", as_float, -1e4);
  const DataFlow flow(net.graph(), TargetDevice::kAny);
  EXPECT_EQ(flow.number(mask), Number::kNone);
  EXPECT_EQ(flow.number(as_float), Number::kCast);
  EXPECT_EQ(flow.number(penalty), Number::kCast);
}

TEST(DataFlowTest, ComparisonsAndCastsToIntegersAreNoNumbers) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Value* positive = net.op("gt", "aten::gt", "Scalar", {{"self", x}, {"other", IValue(0.0)}});
  graph::Value* whole = cast(net, "to", x, kLongType);
  graph::Value* half = net.scale("mul", whole, 0.5);
  graph::Value* y = net.relu("relu", x);
  const DataFlow flow(net.graph(), TargetDevice::kAny);
  EXPECT_EQ(flow.number(x), Number::kReal);
  EXPECT_EQ(flow.number(positive), Number::kNone);
  EXPECT_EQ(flow.number(whole), Number::kNone);
  EXPECT_EQ(flow.number(half), Number::kCast);
  EXPECT_EQ(flow.number(y), Number::kReal);
}

TEST(DataFlowTest, TheIndicesOfAMaximumAreNoNumbers) {
  TestNet net;
  graph::Node* max = net.node("m", "aten::max", "dim", {{"self", net.input("x")}, {"dim", IValue(int64_t{1})}});
  const DataFlow flow(net.graph(), TargetDevice::kAny);
  EXPECT_EQ(flow.number(max->output(0)), Number::kReal);
  EXPECT_EQ(flow.number(max->output(1)), Number::kNone);
}

TEST(DataFlowTest, WhatFollowsFromShapesAndParametersIsNotFromTheInput) {
  TestNet net;
  graph::Value* x = net.input("x");
  graph::Value* zeros = net.op("z", "aten::zeros_like", "", {{"self", x}});
  graph::Value* token =
      net.op("e", "aten::expand_as", "", {{"self", net.parameter("token", {1, 4})}, {"other", zeros}});
  graph::Value* sum = net.add("add", x, token);
  const DataFlow flow(net.graph(), TargetDevice::kAny);
  EXPECT_FALSE(flow.from_input(zeros));
  EXPECT_FALSE(flow.from_input(token));
  EXPECT_TRUE(flow.from_input(sum));
  EXPECT_EQ(flow.data_uses(x).size(), 1u);
  EXPECT_EQ(flow.activation_inputs(sum->producer()), (std::vector<size_t>{0}));
}

TEST(DataFlowTest, ParametersByTheirDtype) {
  TestNet net;
  graph::Value* weight = net.parameter("w", {2});
  graph::Value* index = net.graph().add_buffer("i", at::ones({2}, at::kLong)).value();
  const DataFlow flow(net.graph(), TargetDevice::kAny);
  EXPECT_EQ(flow.number(weight), Number::kReal);
  EXPECT_EQ(flow.number(index), Number::kNone);
}

}  // namespace
}  // namespace pare
