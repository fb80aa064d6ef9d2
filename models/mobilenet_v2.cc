#include "models/mobilenet_v2.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/hardtanh.h>
#include <torch/nn/init.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/model_building.h"

namespace pare::models {
namespace {

namespace nn = torch::nn;

// Table 2 of the paper: expansion, channels, repetitions, stride.
struct Stage {
  int64_t expansion, channels, repetitions, stride;
};
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                             {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
constexpr int64_t kFirstChannels = 32;
constexpr int64_t kLastChannels = 1280;

// The nearest multiple of 8, but not more than a tenth below: channels that hardware likes.
int64_t scaled_channels(int64_t channels, double multiplier) {
  const double wanted = static_cast<double>(channels) * multiplier;
  int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(wanted + 4) / 8 * 8);
  if (static_cast<double>(rounded) < 0.9 * wanted) rounded += 8;
  return rounded;
}

nn::Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups) {
  nn::Conv2d result(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).groups(groups).bias(false));
  nn::init::kaiming_normal_(result->weight, 0.0, torch::kFanOut);
  return result;
}

struct ConvBnImpl : nn::Module {
  ConvBnImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups)
      : conv(register_module("0", convolution(in, out, kernel, stride, groups))),
        bn(register_module("1", nn::BatchNorm2d(out))) {}

  // With the activation, ReLU6.
  at::Tensor forward(const at::Tensor& x) { return at::hardtanh(bn(conv(x)), 0, 6); }

  nn::Conv2d conv;
  nn::BatchNorm2d bn;
};

struct InvertedResidualImpl : nn::Module {
  InvertedResidualImpl(int64_t in, int64_t out, int64_t stride, int64_t expansion)
      : has_shortcut(stride == 1 && in == out) {
    auto conv = register_module("conv", std::make_shared<nn::Module>());
    const int64_t hidden = in * expansion;
    int number = 0;
    const auto next = [&] { return std::to_string(number++); };
    if (expansion != 1) expand = conv->register_module(next(), std::make_shared<ConvBnImpl>(in, hidden, 1, 1, 1));
    depthwise = conv->register_module(next(), std::make_shared<ConvBnImpl>(hidden, hidden, 3, stride, hidden));
    project = conv->register_module(next(), convolution(hidden, out, 1, 1, 1));
    project_bn = conv->register_module(next(), nn::BatchNorm2d(out));
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor y = expand ? expand->forward(x) : x;
    y = project_bn(project(depthwise->forward(y)));
    return has_shortcut ? x + y : y;
  }

  bool has_shortcut;
  std::shared_ptr<ConvBnImpl> expand, depthwise;
  nn::Conv2d project{nullptr};
  nn::BatchNorm2d project_bn{nullptr};
};

struct MobileNetV2Impl : nn::Module {
  MobileNetV2Impl(const MobileNetV2Options& options, const ModelOptions& model) : dropout(options.dropout) {
    auto features = register_module("features", std::make_shared<nn::Module>());
    int number = 0;
    const auto next = [&] { return std::to_string(number++); };
    int64_t channels = scaled_channels(kFirstChannels, options.width_multiplier);
    first = features->register_module(
        next(), std::make_shared<ConvBnImpl>(model.in_channels, channels, 3, options.small_images ? 1 : 2, 1));
    bool keeps_resolution = options.small_images;
    for (const Stage& stage : kStages) {
      const int64_t out = scaled_channels(stage.channels, options.width_multiplier);
      int64_t stride = stage.stride;
      if (stride == 2 && keeps_resolution) {
        stride = 1;
        keeps_resolution = false;
      }
      for (int64_t i = 0; i < stage.repetitions; ++i) {
        blocks.push_back(features->register_module(
            next(), std::make_shared<InvertedResidualImpl>(channels, out, i == 0 ? stride : 1, stage.expansion)));
        channels = out;
      }
    }
    const int64_t wide = scaled_channels(kLastChannels, std::max(1.0, options.width_multiplier));
    last = features->register_module(next(), std::make_shared<ConvBnImpl>(channels, wide, 1, 1, 1));
    auto classifier = register_module("classifier", std::make_shared<nn::Module>());
    linear = classifier->register_module("1", nn::Linear(wide, model.num_classes));
    nn::init::normal_(linear->weight, 0.0, 0.01);
    nn::init::zeros_(linear->bias);
  }

  at::Tensor forward(const at::Tensor& images) {
    at::Tensor x = first->forward(images);
    for (const auto& block : blocks) x = block->forward(x);
    x = at::flatten(at::adaptive_avg_pool2d(last->forward(x), {1, 1}), 1);
    return linear(at::dropout(x, dropout, is_training()));
  }

  double dropout;
  std::shared_ptr<ConvBnImpl> first, last;
  std::vector<std::shared_ptr<InvertedResidualImpl>> blocks;
  nn::Linear linear{nullptr};
};

}  // namespace

absl::StatusOr<BuiltModel> make_mobilenet_v2(const MobileNetV2Options& options, const ModelOptions& model) {
  if (!(options.width_multiplier >= 0.05 && options.width_multiplier <= 8)) {
    return absl::InvalidArgumentError(absl::StrCat("model mobilenet_v2: width_multiplier is ", options.width_multiplier,
                                                   ", but goes from 0.05 to 8"));
  }
  if (!(options.dropout >= 0 && options.dropout < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("model mobilenet_v2: dropout is ", options.dropout, ", but goes from 0 to 1, 1 excluded"));
  }
  return build_model("mobilenet_v2", model, [&] { return std::make_shared<MobileNetV2Impl>(options, model); });
}

}  // namespace pare::models
