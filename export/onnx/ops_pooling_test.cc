#include <gtest/gtest.h>

#include <algorithm>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

// 7 with a window of 3 and a stride of 2 fits; 8 leaves a last window that only ceil_mode has.
TEST(PoolingTest, MaximumWithCeilMode) {
  for (bool ceil : {false, true}) {
    TestGraph graph;
    graph.output(
        graph.call("aten::max_pool2d", "", {graph.input(), Ints{3, 3}, Ints{2, 2}, Ints{1, 0}, Ints{1, 1}, ceil}));
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 8, 8}}), Ops{"MaxPool"}) << ceil;
  }
}

TEST(PoolingTest, AverageCountsPaddingOrNotWithCeilModeOrADivisor) {
  for (bool ceil : {false, true}) {
    for (bool counts : {false, true}) {
      for (bool divisor : {false, true}) {
        TestGraph graph;
        graph.output(graph.call("aten::avg_pool2d", "",
                                {graph.input(), Ints{3, 2}, Ints{2, 3}, Ints{1, 1}, ceil, counts,
                                 divisor ? c10::IValue(5) : c10::IValue()}));
        const Ops ops = onnx_ops(graph, {{2, 3, 8, 8}});
        EXPECT_NE(std::find(ops.begin(), ops.end(), "AveragePool"), ops.end())
            << ceil << counts << divisor << ::testing::PrintToString(ops);
      }
    }
  }
}

TEST(PoolingTest, AdaptiveAverage) {
  for (const auto& [size, onnx] : std::vector<std::pair<Ints, Ops>>{{{1, 1}, {"GlobalAveragePool"}},
                                                                    {{3, 2}, {"AveragePool"}},
                                                                    {{6, 4}, {"Relu"}},
                                                                    {{4, 4}, {"Transpose", "MatMul", "Transpose"}}}) {
    TestGraph graph;
    graph::Value* y = graph.call("aten::adaptive_avg_pool2d", "", {graph.input(), size});
    graph.output(size == Ints{6, 4} ? graph.call("aten::relu", "", {y}) : y);
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 6, 4}}), onnx) << ::testing::PrintToString(size);
  }
}

TEST(PoolingTest, AdaptiveMaximum) {
  for (const Ints& size : {Ints{1, 1}, Ints{3, 2}, Ints{4, 3}}) {
    TestGraph graph;
    graph.output(graph.node("aten::adaptive_max_pool2d", "", {graph.input(), size})->output(0));
    const Ops ops = onnx_ops(graph, {{2, 3, 6, 4}});
    const std::string last = size == Ints{1, 1} ? "GlobalMaxPool" : size == Ints{3, 2} ? "MaxPool" : "Concat";
    EXPECT_EQ(ops.back(), last) << ::testing::PrintToString(ops);
  }
}

TEST(PoolingTest, IndicesAreRefused) {
  TestGraph graph;
  graph.output(graph.node("aten::max_pool2d_with_indices", "", {graph.input(), Ints{2, 2}})->output(1));
  EXPECT_EQ(onnx_error(graph, {{2, 3, 6, 4}}).code(), absl::StatusCode::kUnimplemented);
}

// The last of the windows 0, 3; 3, 6; 6, 9 reaches two numbers behind the eighth: as many as it is wide.
TEST(PoolingTest, ADilatedWindowThatEndsFarBehindTheInput) {
  TestGraph graph;
  // Below zero, where a padding of zeros would be seen.
  graph::Value* x = graph.call("aten::sub", "Scalar", {graph.input(), 10.0});
  graph.output(graph.call("aten::max_pool2d", "", {x, Ints{2, 2}, Ints{3, 3}, Ints{0, 0}, Ints{3, 3}, true}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 8, 8}}), (Ops{"Sub", "Pad", "MaxPool"}));
}

}  // namespace
}  // namespace pare::exporters
