#include <gtest/gtest.h>

#include <algorithm>

#include "export/onnx/graph_test_util.h"

namespace pare::exporters {
namespace {

using Ops = std::vector<std::string>;

struct Weights {
  graph::Value *qkv, *qkv_bias, *out, *out_bias;
};

Weights add_weights(TestGraph& graph, int64_t width) {
  return {graph.parameter("qkv", random_tensor({3 * width, width}, 3)),
          graph.parameter("qkv_bias", random_tensor({3 * width}, 4)),
          graph.parameter("out", random_tensor({width, width}, 5)),
          graph.parameter("out_bias", random_tensor({width}, 6))};
}

TEST(AttentionTest, SelfAttentionGivesLibTorchsNumbers) {
  TestGraph graph;
  graph::Value* x = graph.input();
  const Weights w = add_weights(graph, 8);
  graph::Node* node = graph.node("aten::_native_multi_head_attention", "",
                                 {x, x, x, 8, 2, w.qkv, w.qkv_bias, w.out, w.out_bias, c10::IValue(), false});
  graph.output(node->output(0));
  const Ops ops = onnx_ops(graph, {{2, 5, 8}});
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "MatMul"), 4) << ::testing::PrintToString(ops);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Softmax"), 1);
}

TEST(AttentionTest, AttentionOfDifferentTensorsIsRefused) {
  TestGraph graph;
  graph::Value *x = graph.input("x"), *y = graph.input("y");
  const Weights w = add_weights(graph, 8);
  graph.output(graph.call("aten::_native_multi_head_attention", "",
                          {x, y, y, 8, 2, w.qkv, w.qkv_bias, w.out, w.out_bias, c10::IValue(), false}));
  EXPECT_EQ(onnx_error(graph, {{2, 5, 8}, {2, 5, 8}}).code(), absl::StatusCode::kUnimplemented);
}

TEST(AttentionTest, EncoderLayerWithNormalizationFirstAndLast) {
  for (bool norm_first : {false, true}) {
    for (bool use_gelu : {false, true}) {
      TestGraph graph;
      const Weights w = add_weights(graph, 8);
      const auto vector = [&](const char* name, int64_t size, uint64_t seed) {
        return graph.parameter(name, random_tensor({size}, seed));
      };
      graph.output(graph.call("aten::_transformer_encoder_layer_fwd", "",
                              {graph.input(), 8, 2, w.qkv, w.qkv_bias, w.out, w.out_bias, use_gelu, norm_first, 1e-5,
                               vector("n1", 8, 7), vector("b1", 8, 8), vector("n2", 8, 9), vector("b2", 8, 10),
                               graph.parameter("f1", random_tensor({16, 8}, 11)), vector("fb1", 16, 12),
                               graph.parameter("f2", random_tensor({8, 16}, 13)), vector("fb2", 8, 14)}));
      const Ops ops = onnx_ops(graph, {{2, 5, 8}}, 1e-4);
      EXPECT_EQ(std::count(ops.begin(), ops.end(), "LayerNormalization"), 2) << ::testing::PrintToString(ops);
      EXPECT_EQ(std::count(ops.begin(), ops.end(), "Erf"), use_gelu ? 1 : 0);
    }
  }
}

// 1: [batch, length], the keys that are padding. 2: [batch, heads, length, length]. (On the CPU, LibTorch 1.13 has no
// 0, [length, length].)
TEST(AttentionTest, MasksOfAllKinds) {
  for (const auto& [kind, shape] : std::vector<std::pair<int64_t, Ints>>{{1, {2, 5}}, {2, {2, 2, 5, 5}}}) {
    for (bool weights : {false, true}) {
      TestGraph graph;
      graph::Value *x = graph.input("x"), *hidden = graph.call("aten::gt", "Scalar", {graph.input("m"), 0.8});
      const Weights w = add_weights(graph, 8);
      graph::Node* node = graph.node("aten::_native_multi_head_attention", "",
                                     {x, x, x, 8, 2, w.qkv, w.qkv_bias, w.out, w.out_bias, hidden, true, true, kind});
      graph.output(node->output(weights ? 1 : 0));
      const Ops ops = onnx_ops(graph, {{2, 5, 8}, shape});
      EXPECT_EQ(std::count(ops.begin(), ops.end(), "Where"), 1) << kind << ::testing::PrintToString(ops);
    }
  }
}

TEST(AttentionTest, ScaledDotProductWithEveryMask) {
  for (const char* kind : {"none", "causal", "bool", "float"}) {
    for (size_t output : {0, 1}) {
      TestGraph graph;
      graph::Value *q = graph.input("q"), *k = graph.input("k"), *v = graph.input("v"), *m = graph.input("m");
      const std::string name = kind;
      c10::IValue none;
      Argument mask = none;
      if (name == "bool") mask = graph.call("aten::lt", "Scalar", {m, 0.8});
      if (name == "float") mask = m;
      graph::Node* node =
          graph.node("aten::_scaled_dot_product_attention", "", {q, k, v, mask, 0.0, true, name == "causal"});
      graph.output(node->output(output));
      const Ops ops = onnx_ops(graph, {{2, 2, 5, 4}, {2, 2, 5, 4}, {2, 2, 5, 4}, {2, 1, 5, 5}});
      EXPECT_EQ(std::count(ops.begin(), ops.end(), "Softmax"), 1) << kind << ::testing::PrintToString(ops);
    }
  }
}

}  // namespace
}  // namespace pare::exporters
