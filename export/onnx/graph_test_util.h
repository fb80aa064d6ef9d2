// export/onnx/graph_test_util.h: small graphs by hand, and what becomes of them, for tests.
//
//   TestGraph graph;
//   auto* y = graph.call("aten::relu", "", {graph.input()});
//   graph.output(y);
//   EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (std::vector<std::string>{"Relu"}));

#ifndef PARE_EXPORT_ONNX_GRAPH_TEST_UTIL_H_
#define PARE_EXPORT_ONNX_GRAPH_TEST_UTIL_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "graph/graph.h"
#include "graph/model.h"

namespace pare::exporters {

// An input of a node: a value, or a constant.
class Argument {
 public:
  Argument(graph::Value* value) : value_(value) {}  // NOLINT: implicit, for lists of arguments
  template <typename T>
  Argument(T constant) : constant_(std::move(constant)) {}      // NOLINT
  Argument(const char* text) : constant_(std::string(text)) {}  // NOLINT
  graph::Value* to_value(graph::Graph& graph) const {
    return value_ != nullptr ? value_ : graph.add_constant(constant_);
  }

 private:
  graph::Value* value_ = nullptr;
  c10::IValue constant_;
};

using Ints = std::vector<int64_t>;

class TestGraph {
 public:
  TestGraph();
  graph::Value* input(const std::string& name = "x");
  graph::Value* parameter(const std::string& name, const at::Tensor& tensor);
  // Arguments that are left out have their defaults.
  graph::Value* call(const std::string& op, const std::string& overload, std::vector<Argument> arguments,
                     const std::string& scope = "");
  graph::Node* node(const std::string& op, const std::string& overload, std::vector<Argument> arguments,
                    const std::string& scope = "");
  // A list of tensors.
  graph::Value* list(std::vector<graph::Value*> tensors);
  std::vector<graph::Value*> unpack(graph::Value* list, size_t count);
  void output(graph::Value* value);
  graph::Graph& graph() { return model_->graph(); }
  graph::Model& model() { return *model_; }

 private:
  std::shared_ptr<graph::Model> model_;
};

using Shapes = std::vector<std::vector<int64_t>>;

struct RunOptions {
  double tolerance = 1e-5;
  // Of the runs in ONNX Runtime, where the batch is dynamic.
  std::vector<int64_t> batches = {2, 3};
  // Whether one more run is given edge_numbers().
  bool edges = false;
};

// The operators of the exported graph, in order. An error, and a difference in ONNX Runtime, is a failure of the test:
// where the runtime is there, the file is run with two batch sizes and must give what the graph gives, else it is only
// checked to be valid (and OnnxRuntimeTest.IsThere, which every test program with this library has, is skipped).
std::vector<std::string> onnx_ops(TestGraph& graph, const Shapes& input_shapes, const RunOptions& options);
std::vector<std::string> onnx_ops(TestGraph& graph, const Shapes& input_shapes, double tolerance = 1e-5);

// The error of the export; OK if there is none.
absl::Status onnx_error(TestGraph& graph, const Shapes& input_shapes);

// Reproducible numbers: normally distributed, or small whole numbers for an input that is an index.
at::Tensor random_tensor(const std::vector<int64_t>& shape, uint64_t seed = 1);

// What tells functions apart that agree on small numbers: zeros, ties, limits, large numbers; in turn, as often as
// fits.
at::Tensor edge_numbers(const std::vector<int64_t>& shape);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_GRAPH_TEST_UTIL_H_
