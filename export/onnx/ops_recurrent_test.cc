#include <gtest/gtest.h>

#include <algorithm>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

graph::Value* add_layers(TestGraph& graph, int64_t gates, int64_t layers, int64_t directions, int64_t in,
                         int64_t hidden) {
  std::vector<graph::Value*> parameters;
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (int64_t direction = 0; direction < directions; ++direction) {
      const int64_t width = layer == 0 ? in : directions * hidden;
      for (const Ints& shape :
           {Ints{gates * hidden, width}, Ints{gates * hidden, hidden}, Ints{gates * hidden}, Ints{gates * hidden}}) {
        const std::string name = "p" + std::to_string(parameters.size());
        parameters.push_back(graph.parameter(name, random_tensor(shape, 20 + parameters.size())));
      }
    }
  }
  return graph.list(parameters);
}

TEST(RecurrentTest, LstmWithLayersAndDirections) {
  for (int64_t layers : {1, 2}) {
    for (int64_t directions : {1, 2}) {
      TestGraph graph;
      graph::Value *x = graph.input("x"), *h = graph.input("h"), *c = graph.input("c");
      graph::Value* first = graph.call("aten::transpose", "int", {h, 0, 1});
      graph::Value* second = graph.call("aten::transpose", "int", {c, 0, 1});
      graph::Value* parameters = add_layers(graph, 4, layers, directions, 3, 5);
      graph::Node* lstm =
          graph.node("aten::lstm", "input",
                     {x, graph.list({first, second}), parameters, true, layers, 0.0, false, directions == 2, true});
      graph.output(graph.call("aten::sum", "dim_IntList", {lstm->output(0), Ints{1}}));
      const Ints state = {2, layers * directions, 5};
      const Ops ops = onnx_ops(graph, {{2, 6, 3}, state, state});
      EXPECT_EQ(std::count(ops.begin(), ops.end(), "LSTM"), layers) << ::testing::PrintToString(ops);
    }
  }
}

TEST(RecurrentTest, Gru) {
  TestGraph graph;
  graph::Value *x = graph.input("x"), *h = graph.input("h");
  graph::Node* gru = graph.node("aten::gru", "input",
                                {x, graph.call("aten::transpose", "int", {h, 0, 1}), add_layers(graph, 3, 1, 1, 3, 5),
                                 true, 1, 0.0, false, false, true});
  graph.output(gru->output(0));
  const Ops ops = onnx_ops(graph, {{2, 6, 3}, {2, 1, 5}});
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "GRU"), 1) << ::testing::PrintToString(ops);
}

TEST(RecurrentTest, DropoutThatStaysOnIsRefused) {
  TestGraph graph;
  graph::Value *x = graph.input("x"), *h = graph.input("h");
  graph::Node* gru = graph.node("aten::gru", "input",
                                {x, graph.call("aten::transpose", "int", {h, 0, 1}), add_layers(graph, 3, 2, 1, 3, 5),
                                 true, 2, 0.5, true, false, true});
  graph.output(gru->output(0));
  EXPECT_EQ(onnx_error(graph, {{2, 6, 3}, {2, 2, 5}}).code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::exporters
