#include "training/divergence.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <limits>

#include "training/testing.h"

namespace pare::training {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class DivergenceTest : public ::testing::Test {
 protected:
  at::Tensor tensor(const char* name) { return model_->graph().find_parameter(name)->tensor().detach(); }
  bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

  std::shared_ptr<graph::Model> model_ = testing::make_tiny_model();
  data::Batch batch_ = testing::make_tiny_data(1).batches()[0];
};

TEST_F(DivergenceTest, AHealthyModelHasNothingToReport) { EXPECT_EQ(first_non_finite(*model_, batch_), ""); }

TEST_F(DivergenceTest, FindsABrokenInput) {
  batch_.inputs[0][2][1] = kNan;
  EXPECT_EQ(first_non_finite(*model_, batch_), "input 0 of the batch (1 of 32 values are NaN or infinite)");
  const absl::Status error = divergence_error(*model_, batch_, {.loss = kNan, .task_loss = kNan}, "");
  EXPECT_TRUE(contains(std::string(error.message()), "check the data set")) << error;
}

TEST_F(DivergenceTest, FindsABrokenParameter) {
  tensor("head.bias")[0] = kNan;
  EXPECT_EQ(first_non_finite(*model_, batch_), "the parameters head.bias");
}

TEST_F(DivergenceTest, FindsTheNodeWhoseOutputOverflows) {
  tensor("head.weight").fill_(std::numeric_limits<float>::max());
  batch_.inputs[0].fill_(1000.0);
  EXPECT_TRUE(contains(first_non_finite(*model_, batch_), "the output of head/aten::linear (24 of 24"))
      << first_non_finite(*model_, batch_);
}

TEST_F(DivergenceTest, FindsBrokenGradients) {
  at::Tensor weight = model_->graph().find_parameter("head.weight")->tensor();
  weight.mutable_grad() = at::full({3, 4}, kNan);
  EXPECT_EQ(first_non_finite(*model_, batch_), "the gradients of head.weight");
}

TEST_F(DivergenceTest, AnEvaluationIsExplainedInTheSameWay) {
  tensor("head.bias")[0] = kNan;
  const absl::Status error = evaluation_divergence_error(*model_, batch_, {.epoch = 1, .step_in_epoch = 4}, "");
  EXPECT_EQ(error.code(), absl::StatusCode::kAborted);
  for (const char* part : {"in the evaluation after epoch 2, step 5", "the parameters head.bias", "no checkpoint"}) {
    EXPECT_TRUE(contains(std::string(error.message()), part)) << part << " in: " << error;
  }
}

TEST_F(DivergenceTest, TheErrorSaysWhereAndWhatToTry) {
  StepReport step{.epoch = 1, .step_in_epoch = 4, .global_step = 14, .loss = kNan, .task_loss = 1.0};
  step.compression_loss = kNan;
  step.learning_rate = 0.5;
  const absl::Status error = divergence_error(*model_, batch_, step, "out/last.checkpoint");
  EXPECT_EQ(error.code(), absl::StatusCode::kAborted);
  const std::string message(error.message());
  for (const char* part : {"epoch 2, step 5 (15 in all)", "compression's loss is nan",
                           "smaller learning rate (it is 0.5)", "out/last.checkpoint"}) {
    EXPECT_TRUE(contains(message, part)) << part << " in: " << message;
  }
}

}  // namespace
}  // namespace pare::training
