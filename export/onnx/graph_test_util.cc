#include "export/onnx/graph_test_util.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/atomic_file.h"
#include "export/onnx/graph_to_onnx.h"
#include "export/onnx/graph_trace.h"
#include "export/onnx/onnx_proto.h"
#include "export/onnxruntime/onnxruntime_node.h"

namespace pare::exporters {
namespace {

// A file that goes away with the object. Its name is no one else's, of whatever process on the machine.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) : path_(::testing::TempDir() + "/graph_test_util.XXXXXX") {
    const int file = ::mkstemp(path_.data());
    EXPECT_GE(file, 0) << path_;
    if (file >= 0) ::close(file);
    EXPECT_TRUE(write_file_atomically(path_, content).ok());
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

at::Tensor make_input(const std::vector<int64_t>& shape, at::ScalarType dtype, size_t index, bool edges) {
  if (dtype == at::kFloat || dtype == at::kDouble) {
    return (edges ? edge_numbers(shape) : random_tensor(shape, 7 + index)).to(dtype);
  }
  const at::Tensor small = (random_tensor(shape, 7 + index).abs() * 10).to(at::kLong).remainder(4);
  return dtype == at::kBool ? small.gt(1) : small.to(dtype);
}

void compare_with_runtime(TestGraph& graph, const GraphTrace& trace, const Shapes& shapes, const std::string& bytes,
                          const RunOptions& options) {
  if (!find_onnxruntime_node().ok()) return;
  const TemporaryFile file(bytes);
  auto runtime = OnnxRuntimeNode::start(file.path());
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  std::vector<std::pair<int64_t, bool>> runs;
  for (int64_t batch : options.batches) runs.emplace_back(batch, false);
  if (options.edges) runs.emplace_back(4, true);
  for (const auto& [batch, edges] : runs) {
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      std::vector<int64_t> shape = shapes[i];
      if (!shape.empty() && trace.has_dynamic_batch()) shape[0] = batch;
      inputs.push_back(make_input(shape, trace.input_dtypes()[i], i, edges));
    }
    auto ours = graph.model().forward_tensor(inputs);
    ASSERT_TRUE(ours.ok()) << ours.status();
    auto theirs = (*runtime)->run(inputs);
    ASSERT_TRUE(theirs.ok()) << theirs.status();
    ASSERT_FALSE(theirs->empty());
    const at::Tensor& got = theirs->at(0);
    ASSERT_EQ(got.sizes(), ours->sizes());
    ASSERT_EQ(got.scalar_type(), ours->scalar_type());
    const at::Tensor a = got.to(at::kDouble), b = ours->to(at::kDouble);
    const at::Tensor is_same = at::isclose(a, b, options.tolerance, options.tolerance, /*equal_nan=*/true);
    if (is_same.all().item<bool>()) continue;
    const at::Tensor differs = is_same.logical_not();
    ADD_FAILURE() << differs.sum().item<int64_t>() << " numbers differ, the first: ONNX Runtime "
                  << a.masked_select(differs)[0].item<double>() << ", LibTorch "
                  << b.masked_select(differs)[0].item<double>() << (edges ? " (of edge_numbers())" : "")
                  << "; the largest difference: " << (a - b).nan_to_num(0, 1e300, 1e300).abs().max().item<double>();
  }
}

TEST(OnnxRuntimeTest, IsThere) {
  if (const auto package = find_onnxruntime_node(); !package.ok()) {
    GTEST_SKIP() << "files are checked, but not run: " << package.status().message();
  }
}

}  // namespace

TestGraph::TestGraph() : model_(std::make_shared<graph::Model>(std::make_unique<graph::Graph>())) { model_->eval(); }

graph::Value* TestGraph::input(const std::string& name) { return graph().add_input(name); }

graph::Value* TestGraph::parameter(const std::string& name, const at::Tensor& tensor) {
  return graph().add_parameter(name, tensor).value();
}

graph::Node* TestGraph::node(const std::string& op, const std::string& overload, std::vector<Argument> arguments,
                             const std::string& scope) {
  const c10::FunctionSchema& schema =
      c10::Dispatcher::singleton().findSchemaOrThrow(op.c_str(), overload.c_str()).schema();
  std::vector<graph::Value*> inputs;
  for (const Argument& argument : arguments) inputs.push_back(argument.to_value(graph()));
  for (size_t i = inputs.size(); i < schema.arguments().size(); ++i) {
    inputs.push_back(graph().add_constant(schema.arguments()[i].default_value().value_or(c10::IValue())));
  }
  return graph().add_operator(op, overload, inputs, {nullptr, scope, {}, ""}).value();
}

graph::Value* TestGraph::call(const std::string& op, const std::string& overload, std::vector<Argument> arguments,
                              const std::string& scope) {
  return node(op, overload, std::move(arguments), scope)->output();
}

graph::Value* TestGraph::list(std::vector<graph::Value*> tensors) {
  return graph()
      .add_structure("prim::ListConstruct", std::move(tensors), 1, {}, c10::TensorType::get())
      .value()
      ->output();
}

std::vector<graph::Value*> TestGraph::unpack(graph::Value* list, size_t count) {
  return graph().add_structure("prim::ListUnpack", {list}, count, {}).value()->outputs();
}

void TestGraph::output(graph::Value* value) { graph().set_output(value); }

std::vector<std::string> onnx_ops(TestGraph& graph, const Shapes& input_shapes, double tolerance) {
  return onnx_ops(graph, input_shapes, RunOptions{.tolerance = tolerance});
}

std::vector<std::string> onnx_ops(TestGraph& graph, const Shapes& input_shapes, const RunOptions& options) {
  OnnxBuilder builder;
  absl::StatusOr<std::string> bytes = absl::UnknownError("");
  const auto trace = GraphTrace::run(graph.graph(), input_shapes, graph.model().input_dtypes());
  absl::Status status = trace.status();
  if (status.ok()) status = GraphToOnnx(graph.graph(), *trace, &builder).run();
  if (status.ok()) {
    bytes = serialize(builder, trace->batch());
    status = bytes.status();
  }
  if (!status.ok()) {
    ADD_FAILURE() << status;
    return {status.ToString()};
  }
  compare_with_runtime(graph, *trace, input_shapes, *bytes, options);
  std::vector<std::string> ops;
  for (const OnnxNode& node : builder.nodes()) ops.push_back(node.op);
  return ops;
}

absl::Status onnx_error(TestGraph& graph, const Shapes& input_shapes) {
  const auto trace = GraphTrace::run(graph.graph(), input_shapes, graph.model().input_dtypes());
  if (!trace.ok()) return trace.status();
  OnnxBuilder builder;
  return GraphToOnnx(graph.graph(), *trace, &builder).run();
}

at::Tensor random_tensor(const std::vector<int64_t>& shape, uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

at::Tensor edge_numbers(const std::vector<int64_t>& shape) {
  const at::Tensor numbers = at::tensor({0.f,  100.f, -100.f, 0.5f,   1.5f, 2.5f,  -0.5f,      -1.5f,      -2.5f, 3.f,
                                         -3.f, 6.f,   -6.f,   7.f,    1e4f, -1e4f, 88.f,       -88.f,      21.f,  -21.f,
                                         1.f,  -1.f,  1e-3f,  -1e-3f, 0.1f, -0.1f, 12345.678f, -12345.678f});
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return numbers.repeat({count / numbers.numel() + 1}).slice(0, 0, count).reshape(shape);
}

}  // namespace pare::exporters
