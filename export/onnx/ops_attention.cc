// Attention: LibTorch's fused operators, which traces of transformers in evaluation mode hold, taken apart.

#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <c10/core/ScalarType.h>

#include <cmath>
#include <limits>

#include "export/onnx/layers.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

using c10::ScalarType;

// softmax(scale q k^T + mask), over the last axis. A mask of booleans hides where `hidden` says so.
std::string attention_weights(OpExport& op, const std::string& q, const std::string& transposed_k, double scale,
                              const std::string& mask, bool mask_is_bool, bool hidden, ScalarType dtype) {
  const std::string scaled = op.emit("Mul", {q, op.scalar(scale, dtype)});
  std::string scores = op.emit("MatMul", {scaled, transposed_k});
  if (!mask.empty() && mask_is_bool) {
    const std::string lowest = op.scalar(-std::numeric_limits<double>::infinity(), dtype);
    scores = hidden ? op.emit("Where", {mask, lowest, scores}) : op.emit("Where", {mask, scores, lowest});
  } else if (!mask.empty()) {
    scores = op.emit("Add", {scores, mask});
  }
  return op.emit("Softmax", {scores}, {{"axis", int64_t{-1}}});
}

struct HeadsInput {
  std::string name;
  std::vector<Dim> dims;  // [batch, length, width]
};

struct Attention {
  std::string result, weights;  // [batch, length, width] and [batch, heads, length, keys]
};

// Self-attention of `x` with all projections in one weight, LibTorch's layout: [3 width, width], q, k and v in turn.
Attention self_attention(OpExport& op, const HeadsInput& x, int64_t heads, const std::string& qkv_weight,
                         const std::string& qkv_bias, const std::string& out_weight, const std::string& out_bias) {
  const ScalarType dtype = op.output().dtype;
  const Dim batch = x.dims.at(0), length = x.dims.at(1), width = x.dims.at(2);
  const int64_t each = width.first / heads;
  const Dim h{heads, heads}, d{each, each}, three{3, 3}, triple{3 * width.first, 3 * width.first};
  std::string qkv = linear_layer(op, x.name, x.dims, qkv_weight, qkv_bias);
  qkv = op.reshape(qkv, {batch, length, triple}, {batch, length, three, h, d});
  qkv = op.transpose(qkv, {2, 0, 3, 1, 4});  // [3, batch, heads, length, each]
  std::vector<std::string> parts;
  for (int i = 0; i < 3; ++i) {
    parts.push_back(op.emit("Gather", {qkv, op.scalar(i, ScalarType::Long)}, {{"axis", int64_t{0}}}));
  }
  std::string mask;
  bool mask_is_bool = false;
  if (op.has("mask")) {
    const TensorInfo& info = op.info("mask");
    mask = op.tensor("mask");
    mask_is_bool = info.dtype == ScalarType::Bool;
    // 0: [length, length]. 1: [batch, length], which keys are padding. Otherwise: [batch, heads, length, length].
    const bool is_padding = info.rank() == 2 && op.integer("mask_type", info.dims[0] == batch ? 1 : 0) == 1;
    if (is_padding) mask = op.unsqueeze(mask, {1, 2});
  }
  Attention attention;
  attention.weights = attention_weights(op, parts[0], op.transpose(parts[1], {0, 1, 3, 2}),
                                        1 / std::sqrt(static_cast<double>(each)), mask, mask_is_bool, true, dtype);
  std::string y = op.transpose(op.emit("MatMul", {attention.weights, parts[2]}), {0, 2, 1, 3});
  y = op.reshape(y, {batch, length, h, d}, {batch, length, width});
  attention.result = linear_layer(op, y, x.dims, out_weight, out_bias);
  return attention;
}

void native_multi_head_attention(OpExport& op) {
  const std::string query = op.tensor("query");
  if (op.tensor("key") != query || op.tensor("value") != query) {
    op.fail("query, key and value are different tensors; only self-attention has this form in ONNX");
  }
  const Attention attention =
      self_attention(op, {query, op.info("query").dims}, op.integer("num_head"), op.tensor("qkv_weight"),
                     op.tensor("qkv_bias"), op.tensor("proj_weight"), op.tensor("proj_bias"));
  op.set_output(attention.result, 0);
  if (!op.is_used(1) || !op.boolean("need_weights", true)) return;
  const bool average = op.boolean("average_attn_weights", true);
  op.set_output(average ? op.emit("ReduceMean", {attention.weights},
                                  {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}})
                        : attention.weights,
                1);
}

void transformer_encoder_layer(OpExport& op) {
  const ScalarType dtype = op.output().dtype;
  const std::vector<Dim>& dims = op.info("src").dims;
  const bool norm_first = op.boolean("norm_first");
  const auto normalize = [&](const std::string& x, const char* weight, const char* bias) {
    return op.emit("LayerNormalization", {x, op.tensor(weight), op.tensor(bias)},
                   {{"axis", int64_t{-1}}, {"epsilon", op.number("eps")}});
  };
  const std::string source = op.tensor("src");
  std::string x = norm_first ? normalize(source, "norm_weight_1", "norm_bias_1") : source;
  x = self_attention(op, {x, dims}, op.integer("num_heads"), op.tensor("qkv_weight"), op.tensor("qkv_bias"),
                     op.tensor("proj_weight"), op.tensor("proj_bias"))
          .result;
  x = op.emit("Add", {x, source});
  if (!norm_first) x = normalize(x, "norm_weight_1", "norm_bias_1");
  const std::string middle = x;
  if (norm_first) x = normalize(x, "norm_weight_2", "norm_bias_2");
  x = linear_layer(op, x, dims, op.tensor("ffn_weight_1"), op.tensor("ffn_bias_1"));
  x = op.boolean("use_gelu") ? gelu_layer(op, x, dtype) : op.emit("Relu", {x});
  std::vector<Dim> wide = dims;
  wide.back() = op.info("ffn_weight_1").dims.at(0);
  x = linear_layer(op, x, wide, op.tensor("ffn_weight_2"), op.tensor("ffn_bias_2"));
  x = op.emit("Add", {x, middle});
  op.set_output(norm_first ? x : normalize(x, "norm_weight_2", "norm_bias_2"));
}

// In LibTorch 1.13 "_scaled_dot_product_attention", which also returns weights.
void scaled_dot_product_attention(OpExport& op) {
  if (op.number("dropout_p", 0) != 0) op.fail("it drops values at random, which evaluation does not");
  const ScalarType dtype = op.output().dtype;
  const std::vector<Dim>&query = op.info("query").dims, &key = op.info("key").dims;
  const int64_t rank = static_cast<int64_t>(query.size());
  std::vector<int64_t> permutation = iota(rank);
  std::swap(permutation.at(rank - 1), permutation.at(rank - 2));
  const double scale = op.number("scale", 1 / std::sqrt(static_cast<double>(query.back().first)));
  std::string mask;
  bool mask_is_bool = false;
  if (op.boolean("is_causal")) {
    const Dim length = query.at(rank - 2), keys = key.at(key.size() - 2);
    if (!length.is_fixed() || !keys.is_fixed()) op.fail("its sequence length depends on the batch size");
    mask = op.constant(at::full({length.first, keys.first}, true, ScalarType::Bool).tril());
    mask_is_bool = true;
  } else if (op.has("attn_mask")) {
    mask = op.tensor("attn_mask");
    mask_is_bool = op.info("attn_mask").dtype == ScalarType::Bool;
  }
  if (op.boolean("enable_gqa")) op.fail("grouped queries have no exporter");
  const std::string weights = attention_weights(op, op.tensor("query"), op.transpose(op.tensor("key"), permutation),
                                                scale, mask, mask_is_bool, false, dtype);
  op.set_output(op.emit("MatMul", {weights, op.tensor("value")}), 0);
  if (op.node().outputs().size() > 1 && op.is_used(1)) op.set_output(weights, 1);
}

}  // namespace

void add_attention_ops(OpTable* table) {
  const OpTable ops = {{"aten::_native_multi_head_attention", native_multi_head_attention},
                       {"aten::_transformer_encoder_layer_fwd", transformer_encoder_layer},
                       {"aten::_scaled_dot_product_attention", scaled_dot_product_attention},
                       {"aten::scaled_dot_product_attention", scaled_dot_product_attention}};
  table->insert(ops.begin(), ops.end());
}

}  // namespace pare::exporters
