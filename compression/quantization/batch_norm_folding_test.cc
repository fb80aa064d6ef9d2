#include "compression/quantization/batch_norm_folding.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <string>

#include "compression/analysis/calibration_net.h"
#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

int count(const graph::Graph& graph, const std::string& op) {
  int found = 0;
  for (const graph::Node* node : graph.nodes()) found += node->op() == op;
  return found;
}

graph::Node* conv1(graph::Graph& graph) { return graph.find_node("conv1/aten::conv2d"); }

// Puts a fake quantization before conv1's weight.
void quantize_per_tensor(graph::Graph& graph, double scale, int64_t zero_point, int64_t low, int64_t high) {
  graph::Node* conv = conv1(graph);
  graph::Node* node =
      graph
          .add_operator("aten::fake_quantize_per_tensor_affine", "",
                        {conv->argument("weight"), graph.add_constant(scale), graph.add_constant(zero_point),
                         graph.add_constant(low), graph.add_constant(high)},
                        {.before = conv, .scope = "conv1"})
          .value();
  ASSERT_TRUE(graph.set_input(conv, conv->argument_index("weight"), node->output()).ok());
}

void expect_same_outputs_folded(graph::Model& model, int64_t folded) {
  const at::NoGradGuard no_grad;
  const at::Tensor x = scattered({5, 2, 4, 4}, 8);
  const at::Tensor before = *model.forward_tensor({x});
  const auto result = fold_batch_norms(model.graph());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(*result, folded);
  ASSERT_TRUE(graph::validate(model.graph()).ok()) << graph::validate(model.graph());
  const at::Tensor after = *model.forward_tensor({x});
  EXPECT_TRUE(after.allclose(before, 1e-5, 1e-5)) << after.sub(before).abs().max().item<float>();
}

TEST(BatchNormFolding, PlainConvolution) {
  const auto model = make_calibration_net();
  expect_same_outputs_folded(*model, 1);
  EXPECT_EQ(count(model->graph(), "aten::batch_norm"), 0);
  EXPECT_NE(model->graph().find_parameter("conv1.bias"), nullptr);
  EXPECT_EQ(model->graph().find_parameter("bn1.running_mean"), nullptr);
  EXPECT_EQ(model->graph().find_parameter("bn1.weight"), nullptr);
}

TEST(BatchNormFolding, QuantizedWeightsKeepTheirIntegers) {
  // Zero point and range as of: narrow symmetric, wide symmetric whose lowest code is used (the weights reach -1), and
  // asymmetric. bn1 has a negative factor and a zero.
  struct Case {
    double scale;
    int64_t zero_point, low, high;
  };
  for (const Case& c : {Case{1.0 / 7, 0, -7, 7}, Case{1.0 / 9, 0, -8, 7}, Case{2.0 / 255, 100, 0, 255}}) {
    const auto model = make_calibration_net();
    quantize_per_tensor(model->graph(), c.scale, c.zero_point, c.low, c.high);
    expect_same_outputs_folded(*model, 1);
    EXPECT_EQ(count(model->graph(), "aten::fake_quantize_per_tensor_affine"), 0);
    ASSERT_EQ(count(model->graph(), "aten::fake_quantize_per_channel_affine"), 1);
    // Quantizing the folded weight changes nothing but float's last bits.
    const graph::Node* node = conv1(model->graph())->argument("weight")->producer();
    const at::Tensor weight = node->input(0)->tensor().detach();
    at::Tensor quantized;
    model->set_observer([&](const graph::Node& n, at::ArrayRef<c10::IValue> outputs) {
      if (&n == node) quantized = outputs[0].toTensor().detach();
    });
    ASSERT_TRUE(model->forward_tensor({scattered({1, 2, 4, 4}, 8)}).ok());
    EXPECT_TRUE(quantized.allclose(weight, 1e-6, 0));
  }
}

TEST(BatchNormFolding, UnsignedWeightsSurviveANegativeFactor) {
  // No code of 0..255 about zero has a counterpart: the zero point moves to the other end.
  const auto model = make_calibration_net();
  const at::NoGradGuard no_grad;
  const at::Tensor weight = model->graph().find_parameter("conv1.weight")->tensor();
  weight.abs_();
  ASSERT_LT(model->graph().find_parameter("bn1.weight")->tensor().min().item<float>(), 0);
  quantize_per_tensor(model->graph(), 1.0 / 255, 0, 0, 255);
  expect_same_outputs_folded(*model, 1);
  const graph::Node* node = conv1(model->graph())->argument("weight")->producer();
  EXPECT_EQ(node->argument("zero_point")->constant().toTensor().max().item<int>(), 255);
}

TEST(BatchNormFolding, SharedWeightStaysForItsOtherUser) {
  const auto model = make_calibration_net();
  graph::Graph& graph = model->graph();
  graph::Node* other = add_node(graph, "other", "aten::conv2d",
                                {{"input", graph.inputs()[0]}, {"weight", graph.find_parameter("conv1.weight")}});
  graph.set_output(add_node(graph, "sum", "aten::relu", {{"self", graph.output()}})->output());
  const at::Tensor weight = graph.find_parameter("conv1.weight")->tensor().clone();
  expect_same_outputs_folded(*model, 1);
  EXPECT_TRUE(other->argument("weight")->tensor().equal(weight));
}

TEST(BatchNormFolding, ConvolutionWithOtherUsersStays) {
  const auto model = make_calibration_net();
  graph::Graph& graph = model->graph();
  add_node(graph, "peek", "aten::relu", {{"self", conv1(graph)->output()}});
  expect_same_outputs_folded(*model, 0);
}

TEST(BatchNormFolding, TransposedConvolution) {
  auto owned = std::make_unique<graph::Graph>();
  graph::Graph& graph = *owned;
  graph::Value* weight = graph.add_parameter("up.weight", scattered({2, 3, 2, 2}, 1)).value();
  std::vector<graph::Value*> inputs{graph.add_input("x"), weight, graph.add_constant(c10::IValue())};
  for (const std::vector<int64_t>& list : {std::vector<int64_t>{2, 2}, {0, 0}, {0, 0}}) {
    inputs.push_back(graph.add_constant(list));
  }
  inputs.push_back(graph.add_constant(int64_t{1}));
  inputs.push_back(graph.add_constant(std::vector<int64_t>{1, 1}));
  graph::Value* up = graph.add_operator("aten::conv_transpose2d", "input", inputs, {.scope = "up"}).value()->output();
  graph::Node* norm =
      add_node(graph, "bn", "aten::batch_norm",
               {{"input", up},
                {"running_mean", graph.add_buffer("bn.running_mean", at::tensor({0.1f, -0.2f, 0.3f})).value()},
                {"running_var", graph.add_buffer("bn.running_var", at::tensor({0.5f, 2.0f, 1.0f})).value()},
                {"training", graph.add_constant(false)},
                {"momentum", graph.add_constant(0.1)},
                {"eps", graph.add_constant(1e-5)},
                {"cudnn_enabled", graph.add_constant(false)}});
  graph.set_output(norm->output());
  graph::Model model(std::move(owned));
  expect_same_outputs_folded(model, 1);
}

TEST(BatchNormFolding, NegativeVarianceIsRefused) {
  const auto model = make_calibration_net();
  model->graph().find_parameter("bn1.running_var")->tensor().fill_(-1);
  const absl::Status status = fold_batch_norms(model->graph()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("bn1"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::quantization
