// Trains with the method of custom_method.cc, which nothing names but the config.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>

#include "compression/create.h"
#include "compression/tiny_model.h"
#include "gmock/gmock.h"
#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make(double l1, double rise) {
  const nlohmann::json json = {
      {"input_info", {{"sample_size", {1, 4}}}},
      {"compression", {{"algorithm", "soft_threshold"}, {"l1", l1}, {"rise", rise}}},
  };
  return create_compressed_model(make_tiny_model(), CompressionConfig::parse(json).value(), {});
}

struct Trained {
  double first_loss, last_loss;
  double weight_sum;  // of the absolute values of all weights
  int64_t zeros;      // weights that the model computes with as zero
};

// Learns y = (x0 - x1, 0) by gradient descent, in the order of calls that a training loop has.
Trained train(CompressionAlgorithm& compression, int epochs) {
  const at::Tensor x = at::arange(64, at::kFloat).mul(1.7).sin().reshape({16, 4});
  const at::Tensor y = x.slice(1, 0, 2).clone();
  y.select(1, 0).sub_(x.select(1, 1));
  y.select(1, 1).zero_();
  graph::Model& model = *compression.model();
  model.train();
  Trained result{};
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (int step = 0; step < 20; ++step) {
      at::Tensor loss = model.forward_tensor({x})->sub(y).square().mean();
      result.last_loss = loss.item<double>();
      if (epoch == 0 && step == 0) result.first_loss = result.last_loss;
      if (const at::Tensor extra = compression.loss().forward(); extra.defined()) loss = loss.add(extra);
      model.zero_grad();
      loss.backward();
      const at::NoGradGuard no_grad;
      for (at::Tensor parameter : model.parameters()) parameter.sub_(parameter.grad(), 0.1);
      compression.scheduler().step();
    }
    compression.scheduler().epoch_step();
  }
  model.eval();
  const at::NoGradGuard no_grad;
  model.set_observer([&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (node.op() != "pare::shrink") return;
    result.zeros += outputs[0].toTensor().eq(0).sum().item<int64_t>();
    result.weight_sum += node.input(0)->tensor().abs().sum().item<double>();
  });
  EXPECT_TRUE(model.forward_tensor({x}).ok());
  model.set_observer(nullptr);
  return result;
}

TEST(CustomMethod, TrainsWithItsOwnAlgorithmLossAndScheduler) {
  const auto plain = make(0, 0), regularized = make(0.01, 0), thresholded = make(0.01, 0.005);
  ASSERT_TRUE(plain.ok() && regularized.ok() && thresholded.ok()) << plain.status();
  EXPECT_TRUE(graph::validate((*plain)->model()->graph()).ok());
  const Trained without = train(**plain, 10), loss_only = train(**regularized, 10), all = train(**thresholded, 10);
  EXPECT_LT(without.last_loss, 0.5 * without.first_loss);
  EXPECT_LT(all.last_loss, 0.5 * all.first_loss) << "it learns, too";
  EXPECT_LT(loss_only.weight_sum, 0.9 * without.weight_sum) << "the loss pulls at the weights";
  EXPECT_LE(without.zeros, 2) << "one initial weight a layer is zero";
  EXPECT_GT(all.zeros, without.zeros + 2) << "the schedule raises the threshold";
  EXPECT_EQ((*thresholded)->scheduler().current_epoch(), 9);
  EXPECT_EQ((*thresholded)->scheduler().current_step(), 199);
}

TEST(CustomMethod, IsGoneFromTheGraphAtExport) {
  const auto method = make(0, 0.05);
  ASSERT_TRUE(method.ok()) << method.status();
  (*method)->scheduler().epoch_step();
  graph::Model& model = *(*method)->model();
  const at::Tensor x = at::arange(8, at::kFloat).sin().reshape({2, 4});
  const at::Tensor before = *model.forward_tensor({x});
  const absl::Status prepared = (*method)->prepare_for_export();
  ASSERT_TRUE(prepared.ok()) << prepared;
  for (const graph::Node* node : model.graph().nodes()) EXPECT_FALSE(node->is_transform()) << node->name();
  EXPECT_TRUE(model.forward_tensor({x})->equal(before));
}

TEST(CustomMethod, ItsConfigIsCheckedAsTheLibrarysOwn) {
  const nlohmann::json json = {{"input_info", {{"sample_size", {1, 4}}}},
                               {"compression", {{"algorithm", "soft_threshold"}, {"rize", 1}}}};
  const auto method = create_compressed_model(make_tiny_model(), CompressionConfig::parse(json).value(), {});
  EXPECT_EQ(std::string(method.status().message()), "$.compression: unknown key \"rize\"; did you mean \"rise\"?");
}

}  // namespace
}  // namespace pare
