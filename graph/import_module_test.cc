#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "graph/import.h"

namespace pare::graph {
namespace {

namespace nn = torch::nn;

struct NetImpl : nn::Module {
  NetImpl() {
    register_module("features", features);
    register_module("fc", fc);
  }
  at::Tensor forward(at::Tensor x) {
    x = features->forward(x);
    return fc(x.view({x.size(0), -1}));
  }
  nn::Sequential features{nn::Conv2d(nn::Conv2dOptions(3, 4, 3).padding(1)), nn::BatchNorm2d(4),
                          nn::ReLU(nn::ReLUOptions(true)), nn::Dropout(0.5)};
  nn::Linear fc{4 * 6 * 6, 5};
};
TORCH_MODULE(Net);

template <typename M>
absl::StatusOr<std::shared_ptr<Model>> import(M& module, const at::Tensor& example) {
  return import_module(*module, [&](const std::vector<at::Tensor>& x) { return module->forward(x[0]); }, {example});
}

TEST(ImportModuleTest, GivesTheSameResultsForEveryBatch) {
  Net net;
  const auto model = import(net, at::rand({2, 3, 6, 6}));
  ASSERT_TRUE(model.ok()) << model.status();
  net->eval();
  for (const int64_t batch : {1, 2, 3, 8}) {
    const at::Tensor x = at::rand({batch, 3, 6, 6});
    const auto output = (*model)->forward_tensor({x});
    ASSERT_TRUE(output.ok()) << output.status();
    EXPECT_TRUE(at::equal(*output, net->forward(x))) << batch;
  }
}

TEST(ImportModuleTest, AnExampleOfZerosIsCheckedWithNoise) {
  // What it computes from zeros is the same; what it computes from anything else depends on what that holds.
  struct BranchingImpl : nn::Module {
    at::Tensor forward(const at::Tensor& x) { return x.abs().sum().item<double>() > 0 ? at::relu(x) : x; }
  };
  auto branching = std::make_shared<BranchingImpl>();
  const auto model = import(branching, at::zeros({2, 3}));
  EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented) << model.status();
}

TEST(ImportModuleTest, WhatAModuleThrowsOrLacksIsAnError) {
  Net net;
  const at::Tensor x = at::rand({2, 3, 6, 6});
  const auto nothing = import_module(*net, [](const std::vector<at::Tensor>&) { return at::Tensor(); }, {x});
  EXPECT_FALSE(nothing.ok());
  const auto throws =
      import_module(*net, [](const std::vector<at::Tensor>&) -> at::Tensor { throw std::runtime_error("no"); }, {x});
  EXPECT_FALSE(throws.ok());
  // Rows of a sparse tensor can be picked, and then a dense layer does not take them.
  EXPECT_FALSE(import(net, x.to_sparse()).ok());
}

TEST(ImportModuleTest, ImportLeavesRandomNumbersAlone) {
  Net net;
  at::manual_seed(5);
  const at::Tensor expected = at::rand({4});
  at::manual_seed(5);
  ASSERT_TRUE(import(net, at::zeros({2, 3, 6, 6})).ok());
  EXPECT_TRUE(at::equal(at::rand({4}), expected));
}

TEST(ImportModuleTest, TheModulesModesAreAsBefore) {
  Net net;
  net->train();
  net->features->eval();
  ASSERT_TRUE(import(net, at::rand({2, 3, 6, 6})).ok());
  EXPECT_TRUE(net->is_training());
  EXPECT_TRUE(net->fc->is_training());
  EXPECT_FALSE(net->features->is_training());
  EXPECT_FALSE(net->features->ptr(1)->is_training());
}

TEST(ImportModuleTest, NamesAndScopesAreTheModules) {
  Net net;
  const auto model = *import(net, at::rand({2, 3, 6, 6}));
  ASSERT_EQ(model->named_parameters().size(), net->named_parameters().size());
  for (const auto& [name, tensor] : model->named_parameters()) {
    EXPECT_TRUE(tensor.is_same(net->named_parameters()[name])) << name << ": shared with the module";
  }
  ASSERT_NE(model->graph().find_node("features.0/aten::conv2d"), nullptr) << model->graph().to_string();
  const Node* norm = model->graph().find_node("features.1/aten::batch_norm");
  ASSERT_NE(norm, nullptr) << model->graph().to_string();
  EXPECT_EQ(norm->scope_types(), (std::vector<std::string>{"Net", "Sequential", "BatchNorm2d"}));
  EXPECT_NE(model->graph().find_node("fc/aten::linear"), nullptr);
}

TEST(ImportModuleTest, BatchNormTrainsInTrainingModeOnly) {
  Net net;
  const auto model = *import(net, at::rand({2, 3, 6, 6}));
  const at::Tensor mean = net->named_buffers()["features.1.running_mean"];
  EXPECT_TRUE(at::equal(mean, at::zeros({4}))) << "import itself trains nothing";
  ASSERT_TRUE(model->forward_tensor({at::rand({2, 3, 6, 6})}).ok());
  EXPECT_TRUE(at::equal(mean, at::zeros({4})));
  model->train();
  ASSERT_TRUE(model->forward_tensor({at::rand({2, 3, 6, 6})}).ok());
  EXPECT_FALSE(at::equal(mean, at::zeros({4})));
}

TEST(ImportModuleTest, DropoutDropsInTrainingModeOnly) {
  nn::Sequential net(nn::Linear(8, 64), nn::Dropout(0.5));
  const auto model = *import(net, at::rand({2, 8}));
  const at::Tensor x = at::rand({2, 8});
  const auto zeros = [&] { return (*model->forward_tensor({x}) == 0).sum().item<int64_t>(); };
  EXPECT_EQ(zeros(), 0);
  model->train();
  EXPECT_GT(zeros(), 0);
  model->eval();
  EXPECT_EQ(zeros(), 0);
}

TEST(ImportModuleTest, GradientsReachTheModulesParameters) {
  Net net;
  const auto model = *import(net, at::rand({2, 3, 6, 6}));
  model->train();
  model->forward_tensor({at::rand({2, 3, 6, 6})})->sum().backward();
  for (const auto& item : net->named_parameters()) {
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  }
}

// Attention with the batch merged into the heads: what a trace bakes in is a multiple of the batch.
struct AttentionImpl : nn::Module {
  AttentionImpl() {
    register_module("qkv", qkv);
    register_module("norm", norm);
  }
  at::Tensor forward(at::Tensor x) {
    const int64_t batch = x.size(0), length = x.size(1);
    const auto parts = qkv(norm(x)).chunk(3, -1);
    const auto heads = [&](const at::Tensor& part) {
      return part.reshape({batch, length, 2, 4}).transpose(1, 2).reshape({batch * 2, length, 4});
    };
    const at::Tensor weights = at::softmax(at::bmm(heads(parts[0]), heads(parts[1]).transpose(1, 2)), -1);
    const at::Tensor start = at::zeros({batch, 1, 8});
    const at::Tensor mixed =
        at::bmm(weights, heads(parts[2])).view({batch, 2, length, 4}).transpose(1, 2).reshape({batch, length, 8});
    return at::cat({start, mixed}, 1);
  }
  nn::Linear qkv{8, 24};
  nn::LayerNorm norm{nn::LayerNormOptions({8})};
};
TORCH_MODULE(Attention);

TEST(ImportModuleTest, BatchesMergedWithHeadsFollowTheInput) {
  Attention net;
  for (const int64_t traced : {1, 2}) {
    const auto model = import(net, at::rand({traced, 5, 8}));
    ASSERT_TRUE(model.ok()) << model.status();
    for (const int64_t batch : {1, 3, 4}) {
      const at::Tensor x = at::rand({batch, 5, 8});
      const auto output = (*model)->forward_tensor({x});
      ASSERT_TRUE(output.ok()) << output.status();
      EXPECT_TRUE(at::allclose(*output, net->forward(x))) << batch;
    }
  }
}

TEST(ImportModuleTest, AConditionOnTheBatchOrTheContentsIsRefused) {
  nn::Linear net(4, 4);
  const std::vector<std::function<at::Tensor(const std::vector<at::Tensor>&)>> forwards = {
      [&](const std::vector<at::Tensor>& x) { return x[0].size(0) > 2 ? net(x[0]).relu() : net(x[0]); },
      [&](const std::vector<at::Tensor>& x) { return x[0].size(0) > 4 ? net(x[0]).relu() : net(x[0]); },
  };
  for (const auto& forward : forwards) {
    const auto model = import_module(*net, forward, {at::rand({2, 4})});
    EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented) << model.status();
  }
}

TEST(ImportModuleTest, BadExamplesAreRefused) {
  nn::Linear net(4, 4);
  const auto forward = [&](const std::vector<at::Tensor>& x) { return net(x[0]); };
  for (const std::vector<at::Tensor>& examples : {std::vector<at::Tensor>{},
                                                  {at::Tensor()},
                                                  {at::rand({})},
                                                  {at::rand({0, 4})},
                                                  {at::rand({2, 5})},
                                                  {at::rand({2, 4}), at::rand({3, 4})}}) {
    EXPECT_EQ(import_module(*net, forward, examples).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(net->is_training());
}

}  // namespace
}  // namespace pare::graph
