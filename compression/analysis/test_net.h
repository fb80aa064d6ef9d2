// compression/analysis/test_net.h: builds small graphs for tests, naming only the arguments that matter.
//
//   TestNet net;
//   graph::Value* x = net.input("x");
//   graph::Value* y = net.conv("conv1", x, 3, 8);
//   net.output(net.op("relu1", "aten::relu", "", {{"self", y}}));

#ifndef PARE_COMPRESSION_ANALYSIS_TEST_NET_H_
#define PARE_COMPRESSION_ANALYSIS_TEST_NET_H_

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/ones.h>

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "graph/graph.h"
#include "gtest/gtest.h"

namespace pare {

class TestNet {
 public:
  using Argument = std::variant<graph::Value*, c10::IValue>;
  using Arguments = std::map<std::string, Argument>;

  // The modules' classes along a scope, outermost first, of the nodes that come after; for NNCF's names.
  std::map<std::string, std::vector<std::string>> classes;

  graph::Graph& graph() { return *graph_; }
  // For a graph::Model. Nothing can be built after it.
  std::unique_ptr<graph::Graph> take_graph() { return std::move(graph_); }
  graph::Value* input(const std::string& name) { return graph_->add_input(name); }
  void output(graph::Value* value) { graph_->set_output(value); }

  graph::Value* parameter(const std::string& name, const std::vector<int64_t>& shape) {
    return graph_->add_parameter(name, at::ones(shape)).value();
  }

  // Arguments that are not named take their default, or None.
  graph::Node* node(const std::string& scope, const std::string& op, const std::string& overload,
                    const Arguments& arguments) {
    const graph::NodePlace place{.scope = scope, .scope_types = classes[scope]};
    std::vector<graph::Value*> values;
    const c10::FunctionSchema& schema = schema_of(op, overload);
    for (const c10::Argument& argument : schema.arguments()) {
      const auto given = arguments.find(argument.name());
      if (given == arguments.end()) {
        values.push_back(graph_->add_constant(argument.default_value().value_or(c10::IValue())));
      } else if (std::holds_alternative<graph::Value*>(given->second)) {
        values.push_back(std::get<graph::Value*>(given->second));
      } else {
        values.push_back(graph_->add_constant(std::get<c10::IValue>(given->second)));
      }
    }
    auto made = graph_->add_operator(op, overload, std::move(values), place);
    EXPECT_TRUE(made.ok()) << made.status();
    return *made;
  }

  graph::Value* op(const std::string& scope, const std::string& name, const std::string& overload,
                   const Arguments& arguments) {
    return node(scope, name, overload, arguments)->output();
  }

  graph::Value* unary(const std::string& scope, const std::string& name, graph::Value* x) {
    return op(scope, name, "", {{"self", x}});
  }

  graph::Value* conv(const std::string& scope, graph::Value* x, int64_t in, int64_t out, int64_t groups = 1) {
    return op(scope, "aten::conv2d", "",
              {{"input", x},
               {"weight", parameter(scope + ".weight", {out, in / groups, 3, 3})},
               {"groups", c10::IValue(groups)}});
  }

  graph::Value* linear(const std::string& scope, graph::Value* x, int64_t in, int64_t out) {
    return op(scope, "aten::linear", "", {{"input", x}, {"weight", parameter(scope + ".weight", {out, in})}});
  }

  graph::Value* batch_norm(const std::string& scope, graph::Value* x, int64_t channels) {
    return op(scope, "aten::batch_norm", "",
              {{"input", x},
               {"weight", parameter(scope + ".weight", {channels})},
               {"training", c10::IValue(false)},
               {"momentum", c10::IValue(0.1)},
               {"eps", c10::IValue(1e-5)},
               {"cudnn_enabled", c10::IValue(false)}});
  }

  graph::Value* layer_norm(const std::string& scope, graph::Value* x, int64_t channels) {
    return op(scope, "aten::layer_norm", "",
              {{"input", x},
               {"normalized_shape", c10::IValue(std::vector<int64_t>{channels})},
               {"weight", parameter(scope + ".weight", {channels})}});
  }

  graph::Value* relu(const std::string& scope, graph::Value* x) { return unary(scope, "aten::relu", x); }

  graph::Value* add(const std::string& scope, graph::Value* a, graph::Value* b) {
    return op(scope, "aten::add", "Tensor", {{"self", a}, {"other", b}});
  }

  graph::Value* mul(const std::string& scope, graph::Value* a, graph::Value* b) {
    return op(scope, "aten::mul", "Tensor", {{"self", a}, {"other", b}});
  }

  graph::Value* scale(const std::string& scope, graph::Value* x, double factor) {
    return op(scope, "aten::mul", "Scalar", {{"self", x}, {"other", c10::IValue(factor)}});
  }

  graph::Value* shift(const std::string& scope, graph::Value* x, double term) {
    return op(scope, "aten::add", "Scalar", {{"self", x}, {"other", c10::IValue(term)}});
  }

  graph::Value* matmul(const std::string& scope, graph::Value* a, graph::Value* b) {
    return op(scope, "aten::matmul", "", {{"self", a}, {"other", b}});
  }

  graph::Value* transpose(const std::string& scope, graph::Value* x, int64_t first, int64_t second) {
    return op(scope, "aten::transpose", "int",
              {{"self", x}, {"dim0", c10::IValue(first)}, {"dim1", c10::IValue(second)}});
  }

  graph::Value* softmax(const std::string& scope, graph::Value* x) {
    return op(scope, "aten::softmax", "int", {{"self", x}, {"dim", c10::IValue(int64_t{-1})}});
  }

  graph::Value* flatten(const std::string& scope, graph::Value* x) {
    return op(scope, "aten::flatten", "using_ints", {{"self", x}, {"start_dim", c10::IValue(int64_t{1})}});
  }

  graph::Value* max_pool(const std::string& scope, graph::Value* x) {
    return op(scope, "aten::max_pool2d", "", {{"self", x}, {"kernel_size", c10::IValue(std::vector<int64_t>{2, 2})}});
  }

  graph::Value* global_pool(const std::string& scope, graph::Value* x) {
    return op(scope, "aten::adaptive_avg_pool2d", "",
              {{"self", x}, {"output_size", c10::IValue(std::vector<int64_t>{1, 1})}});
  }

  graph::Value* cat(const std::string& scope, const std::vector<graph::Value*>& pieces) {
    auto list = graph_->add_structure("prim::ListConstruct", pieces, 1, {.scope = scope}, c10::TensorType::get());
    EXPECT_TRUE(list.ok()) << list.status();
    return op(scope, "aten::cat", "", {{"tensors", (*list)->output()}, {"dim", c10::IValue(int64_t{1})}});
  }

 private:
  static const c10::FunctionSchema& schema_of(const std::string& op, const std::string& overload) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(op.c_str(), overload.c_str()).schema();
  }

  std::unique_ptr<graph::Graph> graph_ = std::make_unique<graph::Graph>();
};

}  // namespace pare

#endif  // PARE_COMPRESSION_ANALYSIS_TEST_NET_H_
