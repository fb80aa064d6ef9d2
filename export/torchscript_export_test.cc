#include "export/torchscript_export.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "export/onnx/graph_test_util.h"
#include "nlohmann/json.hpp"

namespace pare::exporters {
namespace {

torch::jit::Module reload(TestGraph& graph) {
  const auto bytes = to_torchscript(graph.graph());
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  std::istringstream stream(*bytes);
  return torch::jit::load(stream);
}

void expect_same(TestGraph& graph, torch::jit::Module& module, const at::Tensor& x) {
  at::NoGradGuard no_grad;
  const auto ours = graph.model().forward_tensor({x});
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_TRUE(module.forward({x}).toTensor().equal(*ours));
}

TEST(TorchscriptExportTest, NamesAndNumbersStay) {
  TestGraph graph;
  graph::Value* y =
      graph.call("aten::conv2d", "",
                 {graph.input(), graph.parameter("layer1.0.conv-a.weight", random_tensor({4, 3, 3, 3}, 2)),
                  graph.parameter("layer1.0.conv-a.bias", random_tensor({4}, 3)), Ints{1, 1}, Ints{1, 1}});
  y = graph.call("aten::dropout", "", {y, 0.5, graph.graph().training()});
  const auto parts = graph.unpack(graph.call("aten::chunk", "", {y, 2, 1}), 2);
  y = graph.call("aten::cat", "", {graph.list({parts[1], parts[0]}), 1});
  graph.output(graph.call("aten::mul", "Tensor", {y, graph.graph().add_buffer("scale", at::full({1}, 2.0)).value()}));
  torch::jit::Module module = reload(graph);
  EXPECT_FALSE(module.is_training());
  std::set<std::string> names;
  for (const auto& each : module.named_parameters()) names.insert(each.name);
  EXPECT_EQ(names, (std::set<std::string>{"layer1.0.conv-a.weight", "layer1.0.conv-a.bias"}));
  EXPECT_EQ(module.named_buffers().size(), 1u);
  for (int64_t batch : {1, 4}) expect_same(graph, module, random_tensor({batch, 3, 5, 5}));
}

TEST(TorchscriptExportTest, QuantizersAreAtensOwn) {
  TestGraph graph;
  graph::Value* x = graph.call("aten::fake_quantize_per_tensor_affine", "", {graph.input(), 0.25, 0, -8, 7});
  graph::Value* w =
      graph.call("aten::fake_quantize_per_channel_affine", "",
                 {graph.parameter("w", random_tensor({2, 3})), at::full({2}, 0.1), at::zeros({2}, at::kInt), 0, -8, 7});
  graph.output(graph.call("aten::linear", "", {x, w}));
  torch::jit::Module module = reload(graph);
  expect_same(graph, module, random_tensor({3, 3}));
}

TEST(TorchscriptExportTest, SizesStayDynamicAndTuplesStayTuples) {
  TestGraph graph;
  graph::Value* x = graph.input("input.1");
  graph::Value* batch = graph.call("aten::size", "int", {x, 0});
  graph::Node* shape =
      graph.graph()
          .add_structure("prim::ListConstruct", {batch, graph.graph().add_constant(-1)}, 1, {}, c10::IntType::get())
          .value();
  graph::Value* y = graph.call("aten::view", "", {x, shape->output()});
  graph.output(graph.graph().add_structure("prim::TupleConstruct", {y, x}, 1, {}).value()->output());
  torch::jit::Module module = reload(graph);
  const at::Tensor input = random_tensor({5, 2, 3});
  EXPECT_EQ(module.forward({input}).toTupleRef().elements()[0].toTensor().sizes(), (at::IntArrayRef{5, 6}));
}

TEST(TorchscriptExportTest, WritesAFileThatLoads) {
  TestGraph graph;
  graph.output(graph.call("aten::relu", "", {graph.input()}));
  const std::string path = ::testing::TempDir() + "/torchscript_export_test." + std::to_string(::getpid()) + ".pt";
  ASSERT_TRUE(export_torchscript(graph.model(), {{1, 3}}, path).ok());
  torch::jit::Module module = torch::jit::load(path);
  expect_same(graph, module, random_tensor({2, 3}));
  std::remove(path.c_str());
  EXPECT_FALSE(export_torchscript(graph.model(), {{1, 3}}, "/no/such/folder/model.pt").ok());
}

class Nothing : public graph::Transform {
 public:
  std::string_view type() const override { return "nothing"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0]; }
};

TEST(TorchscriptExportTest, ATransformIsRefused) {
  TestGraph graph;
  const auto node =
      graph.graph().add_transform(std::make_shared<Nothing>(), {graph.input()}, {nullptr, "layer1", {}, ""});
  graph.output((*node)->output());
  const absl::Status status = to_torchscript(graph.graph()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(status.message().find("layer1/pare::nothing"), std::string::npos) << status;
}

TEST(TorchscriptExportTest, ANameThatIsATensorAndAModuleIsAnError) {
  TestGraph graph;
  graph::Value* a = graph.parameter("a", random_tensor({3}));
  graph::Value* b = graph.parameter("a.b", random_tensor({3}));
  graph.output(graph.call("aten::add", "Tensor", {a, b}));
  EXPECT_EQ(to_torchscript(graph.graph()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pare::exporters
