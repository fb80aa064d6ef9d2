#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <tuple>

#include "export/onnx/graph_test_util.h"
#include "export/onnx/graph_to_onnx.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

struct Exported {
  absl::Status status;
  OnnxBuilder builder;
};

std::unique_ptr<Exported> run(TestGraph& graph, const Shapes& shapes) {
  auto exported = std::make_unique<Exported>();
  const auto trace = GraphTrace::run(graph.graph(), shapes);
  exported->status = trace.ok() ? GraphToOnnx(graph.graph(), *trace, &exported->builder).run() : trace.status();
  return exported;
}

graph::Value* quantize(TestGraph& graph, graph::Value* x, double scale, int64_t zero_point, int64_t low, int64_t high) {
  return graph.call("aten::fake_quantize_per_tensor_affine", "", {x, scale, zero_point, low, high});
}

graph::Value* quantize_channels(TestGraph& graph, graph::Value* x, const at::Tensor& scale,
                                const at::Tensor& zero_point, int64_t low, int64_t high) {
  return graph.call("aten::fake_quantize_per_channel_affine", "", {x, scale, zero_point, 0, low, high});
}

TEST(QuantizationTest, ActivationsOfEightBits) {
  for (const auto& [low, high, zero_point] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{{0, 255, 100}, {-128, 127, 3}}) {
    TestGraph graph;
    graph.output(quantize(graph, graph.input(), 0.01, zero_point, low, high));
    EXPECT_EQ(onnx_ops(graph, {{4, 300}}), (Ops{"QuantizeLinear", "DequantizeLinear"}));
    const auto exported = run(graph, {{4, 300}});
    const at::Tensor* type = exported->builder.find_initializer(exported->builder.nodes()[0].inputs[2]);
    ASSERT_NE(type, nullptr);
    EXPECT_EQ(type->scalar_type(), low == 0 ? at::kByte : at::kChar);
    EXPECT_EQ(type->item<int64_t>(), zero_point);
  }
}

// Fewer levels than eight bits have: the numbers beyond them are clipped, exactly as LibTorch does.
TEST(QuantizationTest, ActivationsOfFewerBitsAreClipped) {
  for (const auto& [low, high, zero_point] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{{0, 15, 5}, {-8, 7, 0}, {-127, 127, 0}}) {
    TestGraph graph;
    graph.output(quantize(graph, graph.input(), 0.1, zero_point, low, high));
    EXPECT_EQ(onnx_ops(graph, {{4, 300}}), (Ops{"Clip", "QuantizeLinear", "DequantizeLinear"}));
  }
}

TEST(QuantizationTest, ActivationsAChannel) {
  TestGraph graph;
  const at::Tensor scale = at::tensor({0.1f, 0.02f, 0.5f}), zero_point = at::tensor({0, 3, -2}, at::kInt);
  graph.output(graph.call("aten::fake_quantize_per_channel_affine", "", {graph.input(), scale, zero_point, 1, -8, 7}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3, 50}}), (Ops{"Max", "Min", "QuantizeLinear", "DequantizeLinear"}));
}

// Levels by hand: round(w / s), half to even, within -8..7.
TEST(QuantizationTest, WeightsAreStoredAsTheirLevels) {
  TestGraph graph;
  const at::Tensor weight = at::tensor({0.5f, 1.5f, -2.5f, 100.f, -100.f, 0.2f}).reshape({2, 3});
  const at::Tensor scale = at::tensor({1.0f, 0.1f});
  graph::Value* quantized =
      quantize_channels(graph, graph.parameter("w", weight), scale, at::zeros({2}, at::kInt), -8, 7);
  graph.output(graph.call("aten::linear", "", {graph.input(), quantized}));
  EXPECT_EQ(onnx_ops(graph, {{2, 3}}), (Ops{"DequantizeLinear", "Gemm"}));
  const auto exported = run(graph, {{2, 3}});
  ASSERT_TRUE(exported->status.ok()) << exported->status;
  const at::Tensor* levels = exported->builder.find_initializer(exported->builder.nodes()[0].inputs[0]);
  ASSERT_NE(levels, nullptr);
  EXPECT_TRUE(levels->equal(at::tensor({0, 2, -2, 7, -8, 2}, at::kChar).reshape({2, 3}))) << *levels;
}

TEST(QuantizationTest, AnAsymmetricWeightAChannel) {
  TestGraph graph;
  const at::Tensor zero_point = at::tensor({10, 200, 128}, at::kInt);
  graph::Value* weight = quantize_channels(graph, graph.parameter("w", random_tensor({3, 2, 3, 3}, 2)),
                                           at::tensor({0.02f, 0.01f, 0.03f}), zero_point, 0, 255);
  graph::Value* x = quantize(graph, graph.input(), 0.02, 128, 0, 255);
  graph::Value* y = graph.call("aten::conv2d", "", {x, weight, graph.parameter("b", random_tensor({3}, 3))});
  graph.output(quantize(graph, y, 0.05, 128, 0, 255));
  // One step of the output's quantizer may differ where rounding does.
  EXPECT_EQ(onnx_ops(graph, {{2, 2, 6, 6}}, 0.06).back(), "DequantizeLinear");
}

TEST(QuantizationTest, ABiasBetweenQuantizedTensorsIsInTheAccumulatorsUnits) {
  TestGraph graph;
  const at::Tensor scale = at::tensor({0.02f, 0.01f, 0.03f}), bias = at::tensor({0.5f, -0.25f, 1e-6f});
  // Levels of up to 63: processors without VNNI saturate sums of two products of eight bits.
  graph::Value* weight = quantize_channels(graph, graph.parameter("w", random_tensor({3, 2, 3, 3}, 2) * 0.2), scale,
                                           at::zeros({3}, at::kInt), -63, 63);
  graph::Value* x = quantize(graph, graph.input(), 0.05, 0, -128, 127);
  graph::Value* y = graph.call("aten::conv2d", "", {x, weight, graph.parameter("b", bias)});
  graph.output(quantize(graph, graph.call("aten::relu", "", {y}), 0.05, 0, 0, 255));
  onnx_ops(graph, {{2, 2, 6, 6}}, 0.06);
  const auto exported = run(graph, {{2, 2, 6, 6}});
  ASSERT_TRUE(exported->status.ok()) << exported->status;
  for (const OnnxNode& node : exported->builder.nodes()) {
    if (node.op != "Conv") continue;
    const OnnxNode* dequantize = exported->builder.find_producer(node.inputs.at(2));
    ASSERT_NE(dequantize, nullptr);
    const at::Tensor* levels = exported->builder.find_initializer(dequantize->inputs[0]);
    ASSERT_NE(levels, nullptr);
    EXPECT_TRUE(levels->equal(at::tensor({500, -500, 0}, at::kInt))) << *levels;
    return;
  }
  FAIL() << "no Conv";
}

TEST(QuantizationTest, ABiasTooLargeForIntegersStays) {
  TestGraph graph;
  graph::Value* weight = quantize(graph, graph.parameter("w", random_tensor({3, 2}, 2)), 1e-9, 0, -127, 127);
  graph::Value* x = quantize(graph, graph.input(), 0.05, 0, -128, 127);
  graph.output(graph.call("aten::linear", "", {x, weight, graph.parameter("b", random_tensor({3}, 3))}));
  const auto exported = run(graph, {{2, 2}});
  ASSERT_TRUE(exported->status.ok());
  EXPECT_NE(exported->builder.find_initializer(exported->builder.nodes().back().inputs.at(2)), nullptr);
}

TEST(QuantizationTest, SharedNumbersAreStoredOnce) {
  TestGraph graph;
  graph::Value* x = quantize(graph, graph.input(), 0.05, 0, 0, 255);
  graph.output(quantize(graph, graph.call("aten::neg", "", {x}), 0.05, 0, 0, 255));
  const auto exported = run(graph, {{2, 2}});
  EXPECT_EQ(exported->builder.initializers().size(), 2u);  // one scale, one zero point
}

TEST(QuantizationTest, WhatEightBitsDoNotHoldIsRefused) {
  TestGraph wide, empty;
  wide.output(quantize(wide, wide.input(), 0.05, 0, -512, 511));
  EXPECT_EQ(run(wide, {{2, 2}})->status.code(), absl::StatusCode::kUnimplemented);
  empty.output(quantize(empty, empty.input(), 0.0, 0, 0, 255));
  EXPECT_EQ(run(empty, {{2, 2}})->status.code(), absl::StatusCode::kInvalidArgument);
}

// All numbers of bits, with and without a sign, for activations and for weights a channel.
TEST(QuantizationTest, EveryNumberOfBits) {
  for (int bits = 2; bits <= 8; ++bits) {
    for (bool is_signed : {false, true}) {
      const int64_t low = is_signed ? -(1 << (bits - 1)) : 0, high = low + (1 << bits) - 1;
      const int64_t zero_point = is_signed ? 0 : (1 << bits) / 3;
      const double scale = 4.0 / (1 << bits);
      TestGraph activation, weight;
      activation.output(quantize(activation, activation.input(), scale, zero_point, low, high));
      EXPECT_EQ(onnx_ops(activation, {{4, 300}}).back(), "DequantizeLinear") << bits << is_signed;
      const at::Tensor scales = at::tensor({1.0f, 0.5f, 0.1f}) * scale;
      graph::Value* w = quantize_channels(weight, weight.parameter("w", random_tensor({3, 40}, 2)), scales,
                                          at::full({3}, zero_point, at::kInt), low, high);
      weight.output(weight.call("aten::add", "Tensor", {weight.input(), w}));
      EXPECT_EQ(onnx_ops(weight, {{2, 3, 40}}), (Ops{"DequantizeLinear", "Add"})) << bits << is_signed;
    }
  }
}

// Levels that neither of the dtypes has are moved up into uint8.
TEST(QuantizationTest, LevelsOutsideOfEightBitsAreMoved) {
  for (const auto& [low, high, zero_point] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{{-200, 55, -100}, {-1, 254, 60}, {-130, 20, 0}}) {
    TestGraph graph;
    graph.output(quantize(graph, graph.input(), 0.03, zero_point, low, high));
    onnx_ops(graph, {{4, 300}});
    const auto exported = run(graph, {{4, 300}});
    ASSERT_TRUE(exported->status.ok()) << exported->status;
    for (const OnnxNode& node : exported->builder.nodes()) {
      if (node.op != "QuantizeLinear") continue;
      const at::Tensor* type = exported->builder.find_initializer(node.inputs[2]);
      ASSERT_NE(type, nullptr);
      EXPECT_EQ(type->scalar_type(), at::kByte);
      EXPECT_EQ(type->item<int64_t>(), zero_point - low);
    }
  }
}

}  // namespace
}  // namespace pare::exporters
