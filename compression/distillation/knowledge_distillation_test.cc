#include "compression/distillation/knowledge_distillation.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "compression/tiny_model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::distillation {
namespace {

using ::testing::HasSubstr;

AlgorithmConfig config_of(nlohmann::json keys) {
  AlgorithmConfig config;
  config.name = "knowledge_distillation";
  config.path = "$.compression";
  keys["algorithm"] = config.name;
  config.object = std::move(keys);
  return config;
}

at::Tensor input() { return at::ones({2, 4}).cumsum(1); }

at::Tensor run(graph::Model& model) { return model.forward_tensor({input()}).value(); }

TEST(DistillationLoss, SoftmaxIsTheSoftenedCrossEntropy) {
  const at::Tensor student = at::tensor({0.0f, 2.0f}).reshape({1, 2}),
                   teacher = at::tensor({2.0f, 0.0f}).reshape({1, 2});
  // T = 2: teacher (e / (1 + e), 1 / (1 + e)), log of the student's (-ln(1 + e), 1 - ln(1 + e)).
  const double e = std::exp(1.0);
  const double cross_entropy = e / (1 + e) * std::log(1 + e) + 1 / (1 + e) * (std::log(1 + e) - 1);
  const auto loss =
      distillation_loss(student, teacher, {.kind = DistillationKind::kSoftmax, .scale = 3, .temperature = 2});
  EXPECT_NEAR(loss.item<double>(), 3 * 4 * cross_entropy, 1e-5);
}

TEST(DistillationLoss, MseIsTheMeanOverAllNumbers) {
  const at::Tensor student = at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).reshape({2, 2}), teacher = at::ones({2, 2});
  EXPECT_NEAR(distillation_loss(student, teacher, {.kind = DistillationKind::kMse, .scale = 2}).item<double>(),
              2 * (0 + 1 + 4 + 9) / 4.0, 1e-6);
}

TEST(KnowledgeDistillation, TheTeacherStaysWhatTheModelWas) {
  const auto model = make_tiny_model();
  auto method = KnowledgeDistillation::create(model, config_of({{"type", "mse"}, {"scale", 5}}), {{1, 4}});
  ASSERT_TRUE(method.ok()) << method.status();
  model->train();
  run(*model);
  EXPECT_NEAR((*method)->loss().forward().item<double>(), 0, 1e-12) << "nothing has changed yet";
  {
    const at::NoGradGuard no_grad;
    at::Tensor bias = model->graph().find_parameter("fc2.bias")->tensor();
    bias.add_(0.5);
  }
  run(*model);
  const at::Tensor loss = (*method)->loss().forward();
  EXPECT_NEAR(loss.item<double>(), 5 * 0.25, 1e-5);
  loss.backward();
  // d / d bias_j of 5 mean (0.5)^2 over 4 numbers, two of which are column j.
  EXPECT_NEAR(model->graph().find_parameter("fc2.bias")->tensor().grad()[0].item<double>(), 5 * 2 * 0.5 * 2 / 4, 1e-5);
  EXPECT_NEAR(std::get<double>(*(*method)->statistics().find("loss.distillation_loss")), 1.25, 1e-5);
  EXPECT_EQ(std::get<int64_t>(*(*method)->statistics().find("teacher_parameters")), 4 * 3 + 3 + 3 * 2 + 2);
}

// A resumed training finds a model of other weights, or random ones, where the teacher was copied from.
TEST(KnowledgeDistillation, ACheckpointKeepsTheTeacher) {
  const auto model = make_tiny_model(), other = make_tiny_model();
  {
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : other->named_parameters()) tensor.add_(1);
  }
  auto method = KnowledgeDistillation::create(model, config_of({{"type", "mse"}}), {{1, 4}});
  auto resumed = KnowledgeDistillation::create(other, config_of({{"type", "mse"}}), {{1, 4}});
  ASSERT_TRUE(method.ok() && resumed.ok());
  model->train();
  run(*model);
  (*method)->loss().forward();
  const CompressionAlgorithm::StateTensors teacher = (*method)->state_tensors();
  EXPECT_EQ(teacher.size(), 4u);
  EXPECT_FALSE(at::equal((*resumed)->state_tensors().at("fc2.bias"), teacher.at("fc2.bias")));
  ASSERT_TRUE((*resumed)->set_state_tensors(teacher).ok());
  ASSERT_TRUE((*resumed)->set_state((*method)->state()).ok());
  for (const auto& [name, tensor] : (*resumed)->state_tensors())
    EXPECT_TRUE(at::equal(tensor, teacher.at(name))) << name;
  EXPECT_EQ((*resumed)->state(), (*method)->state());
  EXPECT_TRUE((*method)->state().contains("last_loss"));
  EXPECT_EQ((*resumed)->statistics().to_json(), (*method)->statistics().to_json());
  const absl::Status status = (*resumed)->set_state_tensors({});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
}

TEST(KnowledgeDistillation, AddsNothingWithoutATrainingForward) {
  const auto model = make_tiny_model();
  auto method = KnowledgeDistillation::create(model, config_of(nlohmann::json::object()), {{1, 4}});
  ASSERT_TRUE(method.ok()) << method.status();
  model->eval();
  run(*model);
  EXPECT_FALSE((*method)->loss().forward().defined());
  model->train();
  run(*model);
  EXPECT_TRUE((*method)->loss().forward().defined());
  EXPECT_FALSE((*method)->loss().forward().defined()) << "once a forward";
}

TEST(KnowledgeDistillation, ExportTakesTheProbeOut) {
  const auto model = make_tiny_model();
  const size_t nodes = model->graph().num_nodes();
  const at::Tensor before = run(*model);
  auto method = KnowledgeDistillation::create(model, config_of(nlohmann::json::object()), {{1, 4}});
  ASSERT_TRUE(method.ok()) << method.status();
  ASSERT_TRUE((*method)->prepare_for_export().ok());
  ASSERT_TRUE((*method)->prepare_for_export().ok());
  EXPECT_EQ(model->graph().num_nodes(), nodes);
  EXPECT_TRUE(at::equal(run(*model), before));
}

TEST(KnowledgeDistillation, RefusesWhatMakesNoSense) {
  const auto error = [](nlohmann::json keys) {
    return std::string(
        KnowledgeDistillation::create(make_tiny_model(), config_of(std::move(keys)), {{1, 4}}).status().message());
  };
  EXPECT_THAT(error({{"type", "kl"}}), HasSubstr("softmax"));
  EXPECT_THAT(error({{"temperature", 0}}), HasSubstr("temperature"));
  EXPECT_THAT(error({{"scale", -1}}), HasSubstr("scale"));
}

}  // namespace
}  // namespace pare::distillation
