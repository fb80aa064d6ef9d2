#include "export/onnx/graph_test_util.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/atomic_file.h"
#include "export/onnx/graph_to_onnx.h"
#include "export/onnx/graph_trace.h"
#include "export/onnx/onnx_proto.h"
#include "export/onnxruntime/onnxruntime_node.h"

namespace pare::exporters {
namespace {

// A file that goes away with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    path_ = ::testing::TempDir() + "/graph_test_util." + std::to_string(::getpid()) + ".onnx";
    EXPECT_TRUE(write_file_atomically(path_, content).ok());
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void compare_with_runtime(TestGraph& graph, const GraphTrace& trace, const Shapes& shapes, const std::string& bytes,
                          double tolerance) {
  static const bool is_there = [] {
    const bool found = find_onnxruntime_node().ok();
    if (!found) std::cerr << "ONNX Runtime is not there: files are checked, but not run\n";
    return found;
  }();
  if (!is_there) return;
  const TemporaryFile file(bytes);
  auto runtime = OnnxRuntimeNode::start(file.path());
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  for (int64_t batch : {2, 3}) {
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      std::vector<int64_t> shape = shapes[i];
      const bool fixed = !trace.has_dynamic_batch();
      if (!shape.empty() && !fixed) shape[0] = batch;
      at::Tensor input = random_tensor(shape, 7 + i);
      if (trace.input_dtypes()[i] == at::kLong) input = (input.abs() * 10).to(at::kLong).remainder(4);
      inputs.push_back(input);
    }
    auto ours = graph.model().forward_tensor(inputs);
    ASSERT_TRUE(ours.ok()) << ours.status();
    auto theirs = (*runtime)->run(inputs);
    ASSERT_TRUE(theirs.ok()) << theirs.status();
    ASSERT_FALSE(theirs->empty());
    const at::Tensor& got = theirs->at(0);
    ASSERT_EQ(got.sizes(), ours->sizes());
    ASSERT_EQ(got.scalar_type(), ours->scalar_type());
    EXPECT_TRUE(at::allclose(got.to(at::kDouble), ours->to(at::kDouble), tolerance, tolerance, /*equal_nan=*/true))
        << "largest difference " << (got.to(at::kDouble) - ours->to(at::kDouble)).abs().max().item<double>();
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
  const auto trace = GraphTrace::run(graph.graph(), input_shapes);
  if (!trace.ok()) return {trace.status().ToString()};
  OnnxBuilder builder;
  const absl::Status status = GraphToOnnx(graph.graph(), *trace, &builder).run();
  if (!status.ok()) return {status.ToString()};
  const auto bytes = serialize(builder, trace->batch());
  if (!bytes.ok()) return {bytes.status().ToString()};
  compare_with_runtime(graph, *trace, input_shapes, *bytes, tolerance);
  std::vector<std::string> ops;
  for (const OnnxNode& node : builder.nodes()) ops.push_back(node.op);
  return ops;
}

absl::Status onnx_error(TestGraph& graph, const Shapes& input_shapes) {
  const auto trace = GraphTrace::run(graph.graph(), input_shapes);
  if (!trace.ok()) return trace.status();
  OnnxBuilder builder;
  return GraphToOnnx(graph.graph(), *trace, &builder).run();
}

at::Tensor random_tensor(const std::vector<int64_t>& shape, uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

}  // namespace pare::exporters
