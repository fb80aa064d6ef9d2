#include "models/resnet.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/slice.h>
#include <torch/nn/init.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "models/model_building.h"

namespace pare::models {
namespace {

namespace nn = torch::nn;

// Of a slice that goes to the end.
constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

nn::Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  nn::Conv2d result(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
  nn::init::kaiming_normal_(result->weight);
  return result;
}

struct BlockImpl : nn::Module {
  BlockImpl(int64_t in, int64_t out, int64_t stride, Shortcut kind)
      : changes_shape(in != out || stride != 1),
        kind(kind),
        stride(stride),
        added_channels(out - in),
        conv1(register_module("conv1", convolution(in, out, 3, stride))),
        bn1(register_module("bn1", nn::BatchNorm2d(out))),
        conv2(register_module("conv2", convolution(out, out, 3, 1))),
        bn2(register_module("bn2", nn::BatchNorm2d(out))) {
    if (changes_shape && kind == Shortcut::kProjection) {
      auto shortcut = register_module("shortcut", std::make_shared<nn::Module>());
      projection = shortcut->register_module("0", convolution(in, out, 1, stride));
      projection_bn = shortcut->register_module("1", nn::BatchNorm2d(out));
    }
  }

  at::Tensor shortcut(const at::Tensor& x) {
    if (!changes_shape) return x;
    if (kind == Shortcut::kProjection) return projection_bn(projection(x));
    const at::Tensor thinned = at::slice(at::slice(x, 2, 0, kEnd, stride), 3, 0, kEnd, stride);
    return at::constant_pad_nd(thinned, {0, 0, 0, 0, added_channels / 2, added_channels - added_channels / 2});
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor y = at::relu(bn1(conv1(x)));
    y = bn2(conv2(y));
    return at::relu(y + shortcut(x));
  }

  bool changes_shape;
  Shortcut kind;
  int64_t stride;
  int64_t added_channels;
  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  nn::Conv2d conv2;
  nn::BatchNorm2d bn2;
  nn::Conv2d projection{nullptr};
  nn::BatchNorm2d projection_bn{nullptr};
};

struct ResNetImpl : nn::Module {
  ResNetImpl(const ResNetOptions& options, const ModelOptions& model)
      : conv1(register_module("conv1", convolution(model.in_channels, options.width, 3, 1))),
        bn1(register_module("bn1", nn::BatchNorm2d(options.width))) {
    int64_t channels = options.width;
    for (int64_t stage = 0; stage < 3; ++stage) {
      auto layer = register_module("layer" + std::to_string(stage + 1), std::make_shared<nn::Module>());
      for (int64_t i = 0; i < options.blocks; ++i) {
        const int64_t out = options.width << stage;
        const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
        blocks.push_back(layer->register_module(std::to_string(i),
                                                std::make_shared<BlockImpl>(channels, out, stride, options.shortcut)));
        channels = out;
      }
    }
    linear = register_module("linear", nn::Linear(channels, model.num_classes));
    nn::init::kaiming_normal_(linear->weight);
  }

  at::Tensor forward(const at::Tensor& images) {
    at::Tensor x = at::relu(bn1(conv1(images)));
    for (const auto& block : blocks) x = block->forward(x);
    return linear(at::flatten(at::adaptive_avg_pool2d(x, {1, 1}), 1));
  }

  nn::Conv2d conv1;
  nn::BatchNorm2d bn1;
  std::vector<std::shared_ptr<BlockImpl>> blocks;
  nn::Linear linear{nullptr};
};

}  // namespace

absl::StatusOr<BuiltModel> make_resnet(const ResNetOptions& options, const ModelOptions& model) {
  PARE_RETURN_IF_ERROR(check_range("resnet", "blocks", options.blocks, 1, 1000));
  PARE_RETURN_IF_ERROR(check_range("resnet", "width", options.width, 1, kMostWidth / 4));
  return build_model("resnet", model, [&] { return std::make_shared<ResNetImpl>(options, model); });
}

}  // namespace pare::models
