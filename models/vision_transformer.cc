#include "models/vision_transformer.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <torch/nn/init.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/model_building.h"

namespace pare::models {
namespace {

namespace nn = torch::nn;

nn::Linear linear_layer(int64_t in, int64_t out) {
  nn::Linear result(in, out);
  nn::init::normal_(result->weight, 0.0, 0.02);
  nn::init::zeros_(result->bias);
  return result;
}

nn::LayerNorm layer_norm(int64_t width) { return nn::LayerNorm(nn::LayerNormOptions({width}).eps(1e-6)); }

struct AttentionImpl : nn::Module {
  AttentionImpl(int64_t tokens, int64_t width, int64_t heads)
      : tokens(tokens),
        width(width),
        heads(heads),
        qkv(register_module("qkv", linear_layer(width, 3 * width))),
        proj(register_module("proj", linear_layer(width, width))) {}

  at::Tensor forward(const at::Tensor& x) {
    const int64_t head_width = width / heads;
    // [3, B, heads, tokens, head_width]
    const at::Tensor parts = qkv(x).reshape({-1, tokens, 3, heads, head_width}).permute({2, 0, 3, 1, 4});
    const at::Tensor query = parts.select(0, 0), key = parts.select(0, 1), value = parts.select(0, 2);
    const at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * (1.0 / std::sqrt(double(head_width)));
    const at::Tensor mixed = at::matmul(at::softmax(scores, -1), value);
    return proj(mixed.transpose(1, 2).reshape({-1, tokens, width}));
  }

  int64_t tokens, width, heads;
  nn::Linear qkv, proj;
};

struct MlpImpl : nn::Module {
  MlpImpl(int64_t width, int64_t hidden)
      : fc1(register_module("fc1", linear_layer(width, hidden))),
        fc2(register_module("fc2", linear_layer(hidden, width))) {}

  at::Tensor forward(const at::Tensor& x) { return fc2(at::gelu(fc1(x))); }

  nn::Linear fc1, fc2;
};

struct BlockImpl : nn::Module {
  BlockImpl(int64_t tokens, const VisionTransformerOptions& options)
      : norm1(register_module("norm1", layer_norm(options.width))),
        attn(register_module("attn", std::make_shared<AttentionImpl>(tokens, options.width, options.heads))),
        norm2(register_module("norm2", layer_norm(options.width))),
        mlp(register_module("mlp", std::make_shared<MlpImpl>(options.width, options.width * options.mlp_ratio))) {}

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor y = x + attn->forward(norm1(x));
    return y + mlp->forward(norm2(y));
  }

  nn::LayerNorm norm1;
  std::shared_ptr<AttentionImpl> attn;
  nn::LayerNorm norm2;
  std::shared_ptr<MlpImpl> mlp;
};

struct VisionTransformerImpl : nn::Module {
  VisionTransformerImpl(const VisionTransformerOptions& options, const ModelOptions& model) {
    const int64_t side = model.image_size / options.patch_size;
    patch_embed = register_module(
        "patch_embed",
        nn::Conv2d(nn::Conv2dOptions(model.in_channels, options.width, options.patch_size).stride(options.patch_size)));
    pos_embed = register_parameter("pos_embed", at::empty({1, side * side, options.width}));
    nn::init::normal_(pos_embed, 0.0, 0.02);
    auto list = register_module("blocks", std::make_shared<nn::Module>());
    for (int64_t i = 0; i < options.depth; ++i) {
      blocks.push_back(list->register_module(std::to_string(i), std::make_shared<BlockImpl>(side * side, options)));
    }
    norm = register_module("norm", layer_norm(options.width));
    head = register_module("head", linear_layer(options.width, model.num_classes));
  }

  at::Tensor forward(const at::Tensor& images) {
    // [B, width, side, side] to [B, tokens, width]
    at::Tensor x = at::flatten(patch_embed(images), 2).transpose(1, 2) + pos_embed;
    for (const auto& block : blocks) x = block->forward(x);
    return head(norm(x).mean(1));
  }

  nn::Conv2d patch_embed{nullptr};
  at::Tensor pos_embed;
  std::vector<std::shared_ptr<BlockImpl>> blocks;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

absl::Status check_divides(const char* what, int64_t whole, const char* by, int64_t part) {
  if (whole % part == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("model vision_transformer: ", what, " is ", whole, ", which is no multiple of ", by, ", ", part));
}

}  // namespace

absl::StatusOr<BuiltModel> make_vision_transformer(const VisionTransformerOptions& options, const ModelOptions& model) {
  const char* name = "vision_transformer";
  PARE_RETURN_IF_ERROR(check_model_options(name, model));
  PARE_RETURN_IF_ERROR(check_range(name, "patch_size", options.patch_size, 1, model.image_size));
  PARE_RETURN_IF_ERROR(check_range(name, "width", options.width, 1, kMostWidth / 16));
  PARE_RETURN_IF_ERROR(check_range(name, "depth", options.depth, 1, 1000));
  PARE_RETURN_IF_ERROR(check_range(name, "heads", options.heads, 1, options.width));
  PARE_RETURN_IF_ERROR(check_range(name, "mlp_ratio", options.mlp_ratio, 1, 16));
  PARE_RETURN_IF_ERROR(check_divides("image_size", model.image_size, "patch_size", options.patch_size));
  PARE_RETURN_IF_ERROR(check_divides("width", options.width, "heads", options.heads));
  return build_model(name, model, [&] { return std::make_shared<VisionTransformerImpl>(options, model); });
}

}  // namespace pare::models
