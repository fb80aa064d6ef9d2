// The networks of testing.h.

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compression/pruning/testing.h"

namespace pare::pruning {
namespace {

namespace nn = torch::nn;

nn::Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t groups = 1) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(kernel / 2).groups(groups));
}

at::Tensor pooled(const at::Tensor& x) { return at::flatten(at::adaptive_avg_pool2d(x, {1, 1}), 1); }

template <typename Module>
models::BuiltModel build() {
  at::manual_seed(11);
  const auto module = std::make_shared<Module>();
  models::BuiltModel model;
  model.module = module;
  model.forward = [module](const at::Tensor& x) { return module->forward(x); };
  model.input_shape = {1, 3, 16, 16};
  return model;
}

struct DenseNet : nn::Module {
  DenseNet() : stem(register_module("stem", convolution(3, 12, 3))) {
    int64_t channels = 12;
    for (int i = 0; i < 4; ++i) {
      const std::string number = std::to_string(i);
      norms.push_back(register_module("norm" + number, nn::BatchNorm2d(channels)));
      convs.push_back(register_module("conv" + number, convolution(channels, 8, 3)));
      channels += 8;
      if (i != 1) continue;
      transition = register_module("transition", convolution(channels, 14, 1));
      channels = 14;
    }
    head = register_module("head", nn::Linear(channels, 4));
  }

  at::Tensor forward(const at::Tensor& images) {
    at::Tensor x = stem(images);
    for (size_t i = 0; i < convs.size(); ++i) {
      x = at::cat({x, convs[i](at::relu(norms[i](x)))}, 1);
      if (i == 1) x = at::avg_pool2d(transition(x), {2, 2});
    }
    return head(pooled(at::sigmoid(x)));
  }

  nn::Conv2d stem{nullptr}, transition{nullptr};
  std::vector<nn::BatchNorm2d> norms;
  std::vector<nn::Conv2d> convs;
  nn::Linear head{nullptr};
};

struct SqueezeExciteNet : nn::Module {
  SqueezeExciteNet()
      : stem(register_module("stem", convolution(3, 8, 3))),
        expand(register_module("expand", convolution(8, 24, 1))),
        norm(register_module("norm", nn::BatchNorm2d(24))),
        depthwise(register_module("depthwise", convolution(24, 24, 3, 24))),
        squeeze(register_module("squeeze", convolution(24, 6, 1))),
        excite(register_module("excite", convolution(6, 24, 1))),
        project(register_module("project", convolution(24, 8, 1))),
        fc(register_module("fc", nn::Linear(8, 12))),
        gate(register_module("gate", nn::Linear(12, 8))),
        head(register_module("head", nn::Linear(8, 4))) {}

  at::Tensor forward(const at::Tensor& images) {
    const at::Tensor x = stem(images);
    at::Tensor y = at::silu(norm(expand(x)));
    y = at::hardswish(depthwise(y));
    y = y * at::sigmoid(excite(at::relu(squeeze(at::adaptive_avg_pool2d(y, {1, 1})))));
    y = x + project(y);
    // The older kind of gate, by linear layers and a view.
    const at::Tensor weights = at::hardsigmoid(gate(at::relu(fc(pooled(y)))));
    return head(pooled(y * weights.view({-1, 8, 1, 1})));
  }

  nn::Conv2d stem, expand;
  nn::BatchNorm2d norm;
  nn::Conv2d depthwise, squeeze, excite, project;
  nn::Linear fc, gate, head;
};

struct GroupedNet : nn::Module {
  GroupedNet()
      : stem(register_module("stem", convolution(3, 16, 3))),
        one(register_module("one", convolution(16, 24, 3, 4))),
        two(register_module("two", convolution(24, 16, 3, 4))),
        three(register_module("three", convolution(8, 8, 3))),
        multiplied(register_module("multiplied", convolution(16, 32, 3, 16))),
        last(register_module("last", convolution(32, 12, 1))),
        slope(register_parameter("slope", at::full({16}, 0.1))),
        head(register_module("head", nn::Linear(12, 4))) {}

  at::Tensor forward(const at::Tensor& images) {
    at::Tensor x = at::prelu(stem(images), slope);
    x = at::elu(one(x));
    const int64_t side = x.size(2);
    x = x.view({-1, 4, 6, side, side}).transpose(1, 2).reshape({-1, 24, side, side});
    const std::vector<at::Tensor> halves = at::chunk(at::leaky_relu(two(x)), 2, 1);
    x = at::cat({halves[0], at::gelu(three(halves[1]))}, 1);
    x = at::max_pool2d(at::softplus(multiplied(x)), {2, 2});
    return head(pooled(at::relu(last(x))));
  }

  nn::Conv2d stem, one, two, three, multiplied, last;
  at::Tensor slope;
  nn::Linear head;
};

struct DecoderNet : nn::Module {
  DecoderNet()
      : down(register_module("down", nn::Conv2d(nn::Conv2dOptions(3, 12, 4).stride(4)))),
        middle(register_module("middle", convolution(12, 16, 3))),
        up(register_module("up", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(16, 10, 2).stride(2)))),
        skip(register_module("skip", convolution(12, 10, 1))),
        gated(register_module("gated", convolution(10, 12, 3))),
        hidden(register_module("hidden", nn::Linear(6 * 16, 20))),
        head(register_module("head", nn::Linear(20, 4))) {}

  at::Tensor forward(const at::Tensor& images) {
    const at::Tensor x = at::relu(down(images));
    at::Tensor y = up(at::tanh(middle(x)));
    y = y + at::upsample_nearest2d(skip(x), at::IntArrayRef{8, 8});
    y = at::glu(gated(y), 1);
    y = at::flatten(at::avg_pool2d(y, {2, 2}), 1);
    return head(at::relu(hidden(y)));
  }

  nn::Conv2d down, middle;
  nn::ConvTranspose2d up;
  nn::Conv2d skip, gated;
  nn::Linear hidden, head;
};

}  // namespace

models::BuiltModel make_dense_net() { return build<DenseNet>(); }
models::BuiltModel make_squeeze_excite_net() { return build<SqueezeExciteNet>(); }
models::BuiltModel make_grouped_net() { return build<GroupedNet>(); }
models::BuiltModel make_decoder_net() { return build<DecoderNet>(); }

}  // namespace pare::pruning
