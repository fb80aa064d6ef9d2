#include <gtest/gtest.h>

#include <limits>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

TEST(ReductionTest, OverAxesAndOverAll) {
  TestGraph axes, all;
  axes.output(axes.call("aten::mean", "dim", {axes.input(), Ints{-1, 1}, true}));
  EXPECT_EQ(onnx_ops(axes, {{2, 3, 4}}), Ops{"ReduceMean"});
  all.output(all.call("aten::sum", "", {all.input()}));
  EXPECT_EQ(onnx_ops(all, {{2, 3, 4}}), Ops{"ReduceSum"});
}

TEST(ReductionTest, ExtremesWithTheirPlaces) {
  for (size_t output : {0, 1}) {
    TestGraph graph;
    graph.output(graph.node("aten::max", "dim", {graph.input(), 1})->output(output));
    EXPECT_EQ(onnx_ops(graph, {{2, 3, 4}}), Ops{output == 0 ? "ReduceMax" : "ArgMax"});
  }
  TestGraph flat;
  flat.output(flat.call("aten::argmax", "", {flat.input()}));
  EXPECT_EQ(onnx_ops(flat, {{2, 3}}), (Ops{"Reshape", "ArgMax"}));
}

TEST(ReductionTest, VarianceWithAndWithoutBesselsCorrection) {
  for (bool unbiased : {true, false}) {
    TestGraph graph;
    graph.output(graph.call("aten::std", "dim", {graph.input(), Ints{1, 2}, unbiased, true}));
    const Ops ops = onnx_ops(graph, {{2, 3, 4}});
    EXPECT_EQ(ops.back(), "Sqrt") << ::testing::PrintToString(ops);
  }
}

TEST(ReductionTest, Norms) {
  for (double p : {0.0, 1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()}) {
    TestGraph graph;
    graph.output(graph.call("aten::linalg_vector_norm", "", {graph.input(), p, Ints{-1}, true}));
    const Ops ops = onnx_ops(graph, {{2, 3, 4}}, 1e-4);
    EXPECT_EQ(ops.front(), p == 1 ? "ReduceL1" : p == 2 ? "ReduceL2" : "Abs") << p;
  }
}

TEST(ReductionTest, SumsAlongAndBestOf) {
  TestGraph sums, best;
  sums.output(sums.call("aten::cumsum", "", {sums.input(), 1}));
  EXPECT_EQ(onnx_ops(sums, {{2, 5}}), Ops{"CumSum"});
  best.output(best.node("aten::topk", "", {best.input(), 2, 1})->output(0));
  EXPECT_EQ(onnx_ops(best, {{2, 5}}), Ops{"TopK"});
}

TEST(ReductionTest, SortingBothWays) {
  for (bool descending : {false, true}) {
    for (size_t output : {0, 1}) {
      TestGraph graph;
      graph.output(graph.node("aten::sort", "", {graph.input(), 1, descending})->output(output));
      EXPECT_EQ(onnx_ops(graph, {{2, 5}}), Ops{"TopK"});
    }
  }
  TestGraph places, batch;
  places.output(places.call("aten::argsort", "", {places.input()}));
  EXPECT_EQ(onnx_ops(places, {{2, 5}}), Ops{"TopK"});
  batch.output(batch.node("aten::sort", "", {batch.input(), 0})->output(0));
  EXPECT_EQ(onnx_error(batch, {{2, 5}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
