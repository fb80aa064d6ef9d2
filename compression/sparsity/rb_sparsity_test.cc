#include "compression/sparsity/rb_sparsity.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>

#include "compression/analysis/conv_net_testing.h"
#include "graph/state.h"

namespace pare::sparsity {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<RbSparsity> make(const std::shared_ptr<graph::Model>& model, nlohmann::json params,
                                 double initial = 0) {
  auto method = RbSparsity::create(
      model,
      algorithm_config({{"algorithm", "rb_sparsity"}, {"sparsity_init", initial}, {"params", std::move(params)}}),
      {{1, 3, 8, 8}});
  EXPECT_TRUE(method.ok()) << method.status();
  return method.ok() ? *std::move(method) : nullptr;
}

// Moves the logits as Adam would at first: each by `step` against the sign of its gradient.
void train_logits(RbSparsity& method, double step) {
  for (const auto& layer : method.layers()) layer.logits->tensor().mutable_grad() = at::Tensor();
  method.loss().forward().backward();
  const at::NoGradGuard no_grad;
  for (const auto& layer : method.layers()) {
    at::Tensor logits = layer.logits->tensor();
    logits.sub_(logits.grad().sign(), step);
  }
}

TEST(RbSparsity, StartsWithEveryWeightLikelyToStay) {
  const auto model = make_conv_net();
  const at::Tensor before = run(*model);
  const auto method = make(model, nlohmann::json::object());
  EXPECT_TRUE(at::equal(run(*model), before)) << "in evaluation the likeliest mask keeps all";
  const at::Tensor logits = method->layers()[0].logits->tensor();
  EXPECT_NEAR(logits.sigmoid().min().item<double>(), 0.99, 1e-6);
  EXPECT_TRUE(logits.requires_grad());
  EXPECT_EQ(method->own_parameters().size(), 3u);
}

TEST(RbSparsity, DrawsAnewInTrainingTheSameInEveryProcess) {
  const auto model = make_conv_net(), twin = make_conv_net();
  const auto method = make(model, nlohmann::json::object()), same = make(twin, nlohmann::json::object());
  for (const auto* one : {&method, &same}) {
    for (const auto& layer : (*one)->layers()) layer.logits->tensor().detach().fill_(0.0);
  }
  model->train();
  twin->train();
  const at::Tensor first = run(*model), second = run(*model);
  EXPECT_FALSE(at::equal(first, second));
  EXPECT_TRUE(at::equal(run(*twin), first));
  EXPECT_TRUE(at::equal(run(*twin), second));
}

TEST(RbSparsity, ResumesWithTheDrawsThatWouldHaveFollowed) {
  const auto model = make_conv_net(), other = make_conv_net();
  const auto method = make(model, nlohmann::json::object()), resumed = make(other, nlohmann::json::object());
  for (const auto& layer : method->layers()) layer.logits->tensor().detach().fill_(0.0);
  model->train();
  run(*model);
  ASSERT_TRUE(graph::set_state(*other, graph::get_state(*model)).ok());
  ASSERT_TRUE(resumed->set_state(method->state()).ok());
  other->train();
  EXPECT_TRUE(at::equal(run(*other), run(*model)));
}

TEST(RbSparsity, TheLossTakesItToItsLevelAndFreezingKeepsIt) {
  const auto model = make_conv_net();
  const auto method =
      make(model, {{"sparsity_target", 0.4}, {"sparsity_target_epoch", 0}, {"sparsity_freeze_epoch", 1}}, 0.0);
  // Spread the logits, so that a common push takes them over one after the other.
  for (const auto& layer : method->layers()) {
    at::Tensor logits = layer.logits->tensor().detach();
    logits.add_(layer.layer.weight->tensor().detach().abs());
  }
  EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed);
  for (int i = 0; i < 2000; ++i) train_logits(*method, 0.003);
  EXPECT_NEAR(std::get<double>(*method->statistics().find("sparsified_layers_level")), 0.4, 0.01);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
  method->scheduler().epoch_step();
  EXPECT_FALSE(method->loss().forward().defined());
  // Frozen: no more draws, and the logits get no gradient.
  model->train();
  const at::Tensor output = run(*model);
  model->eval();
  EXPECT_TRUE(at::equal(output, run(*model)));
  for (const auto& layer : method->layers()) layer.logits->tensor().mutable_grad() = at::Tensor();
  output.sum().backward();
  EXPECT_FALSE(method->layers()[0].logits->tensor().grad().defined());
}

TEST(RbSparsity, TheAdaptiveScheduleFollowsWhatIsLearned) {
  const auto method = make(make_conv_net(), {{"schedule", "adaptive"}, {"sparsity_target", 0.5}}, 0.1);
  method->scheduler().epoch_step();
  EXPECT_NEAR(std::get<double>(*method->statistics().find("level")), 0.1, 1e-12) << "nothing is learned yet";
  for (const auto& layer : method->layers()) layer.logits->tensor().detach()[0].fill_(-1.0);  // an eighth or a fourth
  method->scheduler().epoch_step();
  EXPECT_NEAR(std::get<double>(*method->statistics().find("level")), 0.15, 1e-12);
}

TEST(RbSparsity, ExportWritesTheLikeliestMask) {
  const auto model = make_conv_net();
  const auto method = make(model, nlohmann::json::object());
  method->layers()[1].logits->tensor().detach()[3].fill_(-2.0);
  const at::Tensor before = run(*model);
  ASSERT_TRUE(method->prepare_for_export().ok());
  EXPECT_TRUE(at::equal(run(*model), before));
  EXPECT_TRUE(model->graph().find_parameter("conv2.weight")->tensor()[3].eq(0).all().item<bool>());
  EXPECT_EQ(model->graph().find_parameter("conv2.weight.rb_logits"), nullptr);
  EXPECT_NEAR(std::get<double>(*method->statistics().find("loss.current_sparsity")), 72.0 / 824, 1e-9);
}

TEST(RbSparsity, RefusesADamagedState) {
  const auto model = make_conv_net();
  RbTransform transform(*model, 0);
  EXPECT_THAT(transform.set_state({{"draw", -1}, {"frozen", false}}).message(), HasSubstr("draw"));
  EXPECT_TRUE(transform.set_state({{"draw", 7u}, {"frozen", true}}).ok());
}

TEST(RbSparsity, ARateThatIsSetIsLearnedEvenAfterFreezing) {
  const auto method = make(make_conv_net(), {{"sparsity_target", 0.4}, {"sparsity_freeze_epoch", 1}}, 0.0);
  method->scheduler().epoch_step();
  ASSERT_FALSE(method->loss().forward().defined()) << "frozen";
  ASSERT_TRUE(method->set_compression_rate(0.2).ok());
  EXPECT_EQ(method->compression_rate().value(), 0.2);
  EXPECT_TRUE(method->loss().forward().defined());
  EXPECT_EQ(method->stage(), CompressionStage::kPartiallyCompressed) << "no mask has learned it yet";
  for (const auto& layer : method->layers()) layer.logits->tensor().detach().fill_(-1.0);
  EXPECT_EQ(method->stage(), CompressionStage::kFullyCompressed);
}

}  // namespace
}  // namespace pare::sparsity
