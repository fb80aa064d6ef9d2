#include <c10/core/ScalarType.h>
#include <gtest/gtest.h>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(ElementwiseTest, Unary) {
  for (const auto& [op, onnx] : std::vector<std::pair<std::string, Ops>>{{"exp", {"Exp"}},
                                                                         {"neg", {"Neg"}},
                                                                         {"abs", {"Abs"}},
                                                                         {"floor", {"Floor"}},
                                                                         {"ceil", {"Ceil"}},
                                                                         {"round", {"Round"}},
                                                                         {"trunc", {"Sign", "Abs", "Floor", "Mul"}},
                                                                         {"atan", {"Atan"}},
                                                                         {"erf", {"Erf"}},
                                                                         {"sign", {"Sign"}},
                                                                         {"square", {"Mul"}},
                                                                         {"expm1", {"Exp", "Sub"}}}) {
    TestGraph graph;
    graph.output(graph.call("aten::" + op, "", {graph.input()}));
    EXPECT_EQ(onnx_ops(graph, {{2, 30}}, RunOptions{.edges = true}), onnx) << op;
  }
}

TEST(ElementwiseTest, RoundingToDecimals) {
  for (int64_t decimals : {2, -1, 0}) {
    TestGraph graph;
    graph.output(graph.call("aten::round", "decimals", {graph.input(), decimals}));
    const Ops ops = onnx_ops(graph, {{2, 30}}, RunOptions{.edges = true});
    EXPECT_EQ(ops, decimals == 0  ? Ops{"Round"}
                   : decimals > 0 ? (Ops{"Mul", "Round", "Div"})
                                  : (Ops{"Div", "Round", "Mul"}));
  }
}

TEST(ElementwiseTest, WhatIsNoNumberIsReplaced) {
  for (bool given : {false, true}) {
    TestGraph graph;
    graph::Value* x = graph.input();
    // -1 / 0 and 0 / 0 are among them.
    x = graph.call("aten::div", "Tensor", {x, graph.call("aten::relu", "", {x})});
    graph.output(given ? graph.call("aten::nan_to_num", "", {x, 1.0, 2.0, 3.0})
                       : graph.call("aten::nan_to_num", "", {x}));
    EXPECT_EQ(onnx_ops(graph, {{2, 30}}, RunOptions{.edges = true}).back(), "Where");
  }
}

TEST(ElementwiseTest, RootsAndLogarithmsOfPositiveNumbers) {
  for (const char* op : {"sqrt", "rsqrt", "log", "log2", "log10", "log1p", "reciprocal"}) {
    TestGraph graph;
    graph::Value* positive = graph.call("aten::exp", "", {graph.input()});
    graph.output(graph.call(std::string("aten::") + op, "", {positive}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3}})[0], "Exp") << op;
  }
}

TEST(ElementwiseTest, AlphaScalesTheSecond) {
  TestGraph sum, reversed;
  sum.output(sum.call("aten::add", "Tensor", {sum.input("x"), sum.input("y"), 0.5}));
  EXPECT_EQ(onnx_ops(sum, {{2, 3}, {2, 3}}), (Ops{"Mul", "Add"}));
  reversed.output(reversed.call("aten::rsub", "Scalar", {reversed.input(), 1.0, 2.0}));
  EXPECT_EQ(onnx_ops(reversed, {{2, 3}}), (Ops{"Mul", "Sub"}));
}

TEST(ElementwiseTest, IntegersArePromoted) {
  TestGraph graph;
  graph::Value* x = graph.input();
  graph::Value* whole = graph.call("aten::to", "dtype", {x, static_cast<int64_t>(c10::ScalarType::Long)});
  graph.output(graph.call("aten::mul", "Tensor", {graph.call("aten::div", "Scalar", {whole, 3}), x}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"Cast", "Cast", "Div", "Mul"}));
}

TEST(ElementwiseTest, DivisionIsRoundedDownOrTowardsZero) {
  for (const char* mode : {"floor", "trunc"}) {
    TestGraph real, whole;
    real.output(real.call("aten::div", "Scalar_mode", {real.input(), 0.3, mode}));
    EXPECT_EQ(onnx_ops(real, {{2, 30}}, RunOptions{.edges = true}).front(),
              mode == std::string("floor") ? "Mod" : "Div");
    graph::Value* x = whole.call("aten::mul", "Scalar", {whole.input(), 10});
    x = whole.call("aten::to", "dtype", {x, static_cast<int64_t>(c10::ScalarType::Long)});
    whole.output(whole.call("aten::div", "Scalar_mode", {x, 3, mode}));
    EXPECT_EQ(onnx_ops(whole, {{2, 30}}, RunOptions{.edges = true}).back(), "Div");
  }
  TestGraph rest;
  rest.output(rest.call("aten::remainder", "Scalar", {rest.input(), 0.3}));
  EXPECT_EQ(onnx_ops(rest, {{2, 30}}, RunOptions{.edges = true}).back(), "Where");
}

// remainder(1, 0.1) is 0.0999999866 and floor_divide(1, 0.1) is 9: 0.1 is a little more than a tenth in float32.
TEST(ElementwiseTest, DivisionIsExact) {
  for (const char* op : {"aten::remainder", "aten::floor_divide"}) {
    for (double divisor : {0.1, -0.1, 2.0, -3.0}) {
      TestGraph number;
      number.output(number.call(op, "Scalar", {number.input(), divisor}));
      onnx_ops(number, {{2, 30}}, RunOptions{.tolerance = 1e-6, .edges = true});
    }
    // Both signs, and zero, as divisors.
    TestGraph tensors;
    graph::Value* x = tensors.input();
    graph::Value* divisor = tensors.call("aten::roll", "", {x, Ints{1}, Ints{1}});
    tensors.output(tensors.call(op, op == std::string("aten::remainder") ? "Tensor" : "", {x, divisor}));
    onnx_ops(tensors, {{2, 30}}, RunOptions{.tolerance = 1e-6, .edges = true});
  }
}

TEST(ElementwiseTest, Powers) {
  for (const auto& [exponent, onnx] :
       std::vector<std::pair<double, Ops>>{{2, {"Mul"}}, {3, {"Mul", "Mul"}}, {4, {"Pow"}}}) {
    TestGraph graph;
    graph.output(graph.call("aten::pow", "Tensor_Scalar", {graph.input(), exponent}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3}}), onnx) << exponent;
  }
}

TEST(ElementwiseTest, ClampWithOneLimitOrTwo) {
  TestGraph both, low, tensors;
  both.output(both.call("aten::clamp", "", {both.input(), -0.5, 0.5}));
  EXPECT_EQ(onnx_ops(both, {{2, 3}}), Ops{"Clip"});
  low.output(low.call("aten::clamp_min", "", {low.input(), 0.1}));
  EXPECT_EQ(onnx_ops(low, {{2, 3}}), Ops{"Clip"});
  graph::Value* limit = tensors.parameter("limit", random_tensor({3}, 4));
  tensors.output(tensors.call("aten::clamp", "Tensor", {tensors.input(), limit}));
  EXPECT_EQ(onnx_ops(tensors, {{2, 3}}), Ops{"Max"});
}

TEST(ElementwiseTest, WhatChangesNothingIsLeftOut) {
  TestGraph graph;
  graph::Value* x = graph.call("aten::contiguous", "", {graph.input()});
  graph.output(graph.call("aten::relu", "", {graph.call("aten::detach", "", {graph.call("aten::clone", "", {x})})}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), Ops{"Relu"});
}

TEST(ElementwiseTest, FusedProducts) {
  TestGraph graph;
  graph.output(graph.call("aten::addcmul", "", {graph.input("x"), graph.input("y"), graph.input("z"), 0.5}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}, {2, 3}, {2, 3}}), (Ops{"Mul", "Mul", "Add"}));
}

}  // namespace
}  // namespace pare::exporters
