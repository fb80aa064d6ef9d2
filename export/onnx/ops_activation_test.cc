#include <gtest/gtest.h>

#include <algorithm>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

Ops unary(const std::string& op, std::vector<Argument> more = {}) {
  TestGraph graph;
  std::vector<Argument> arguments = {graph.input()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  graph.output(graph.call("aten::" + op, "", arguments));
  return onnx_ops(graph, {{2, 4, 3}}, RunOptions{.edges = true});
}

TEST(ActivationTest, OneOperatorEach) {
  EXPECT_EQ(unary("relu"), Ops{"Relu"});
  EXPECT_EQ(unary("sigmoid"), Ops{"Sigmoid"});
  EXPECT_EQ(unary("tanh"), Ops{"Tanh"});
  EXPECT_EQ(unary("hardswish"), Ops{"HardSwish"});
  EXPECT_EQ(unary("hardsigmoid"), Ops{"HardSigmoid"});
  EXPECT_EQ(unary("relu6"), Ops{"Clip"});
  EXPECT_EQ(unary("hardtanh", {-0.5, 0.25}), Ops{"Clip"});
  EXPECT_EQ(unary("leaky_relu", {0.1}), Ops{"LeakyRelu"});
  EXPECT_EQ(unary("elu", {0.7}), Ops{"Elu"});
  EXPECT_EQ(unary("celu", {0.7}), Ops{"Celu"});
  EXPECT_EQ(unary("selu"), Ops{"Selu"});
  EXPECT_EQ(unary("rrelu", {0.1, 0.3}), Ops{"LeakyRelu"});
}

TEST(ActivationTest, SomeAreMadeOfOthers) {
  EXPECT_EQ(unary("silu"), (Ops{"Sigmoid", "Mul"}));
  EXPECT_EQ(unary("mish"), (Ops{"Softplus", "Tanh", "Mul"}));
  EXPECT_EQ(unary("softplus"), Ops{"Softplus"});
  EXPECT_EQ(unary("softplus", {2.0}), (Ops{"Mul", "Softplus", "Div"}));
  EXPECT_EQ(unary("softplus", {2.0, 0.5}), (Ops{"Mul", "Softplus", "Div", "Greater", "Where"}));
  EXPECT_EQ(unary("log_sigmoid"), (Ops{"Neg", "Softplus", "Neg"}));
  EXPECT_EQ(unary("threshold", {0.1, 20.0}), (Ops{"Greater", "Where"}));
  EXPECT_EQ(unary("glu", {1}), (Ops{"Split", "Sigmoid", "Mul"}));
}

TEST(ActivationTest, GeluIsExactOrByTanh) {
  EXPECT_EQ(unary("gelu"), (Ops{"Div", "Erf", "Add", "Mul", "Mul"}));
  const Ops by_tanh = unary("gelu", {"tanh"});
  EXPECT_NE(std::find(by_tanh.begin(), by_tanh.end(), "Tanh"), by_tanh.end());
}

TEST(ActivationTest, SoftmaxTakesTheAxisFromEitherEnd) {
  for (int64_t axis : {1, -1}) {
    TestGraph graph;
    graph.output(
        graph.call("aten::log_softmax", "int", {graph.call("aten::softmax", "int", {graph.input(), axis}), axis}));
    EXPECT_EQ(onnx_ops(graph, {{2, 4, 3}}), (Ops{"Softmax", "LogSoftmax"}));
  }
}

TEST(ActivationTest, PreluHasASlopeForEachChannel) {
  for (int64_t slopes : {1, 4}) {
    TestGraph graph;
    graph.output(graph.call("aten::prelu", "", {graph.input(), graph.parameter("slope", random_tensor({slopes}))}));
    EXPECT_EQ(onnx_ops(graph, {{2, 4, 3, 3}}), Ops{"PRelu"});
  }
}

TEST(ActivationTest, DropoutIsNothingUnlessItDropsInEvaluation) {
  TestGraph off, never, on;
  off.output(off.call("aten::relu", "", {off.call("aten::dropout", "", {off.input(), 0.5, false})}));
  EXPECT_EQ(onnx_ops(off, {{2, 3}}), Ops{"Relu"});
  never.output(never.call("aten::relu", "", {never.call("aten::dropout", "", {never.input(), 0.0, true})}));
  EXPECT_EQ(onnx_ops(never, {{2, 3}}), Ops{"Relu"});
  on.output(on.call("aten::dropout", "", {on.input(), 0.5, true}, "head"));
  const absl::Status status = onnx_error(on, {{2, 3}});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("head/aten::dropout"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::exporters
