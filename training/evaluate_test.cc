#include "training/evaluate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "training/testing.h"

namespace pare::training {
namespace {

at::Tensor classes(std::vector<int64_t> values) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, c10::kLong).clone();
}

// Two batches of classes; a classifier answers what the first input says.
testing::TensorLoader two_batches() {
  return testing::TensorLoader({{.inputs = {classes({0, 1, 2, 2})}, .targets = classes({0, 1, 1, 2})},
                                {.inputs = {classes({2})}, .targets = classes({0})}});
}

absl::StatusOr<at::Tensor> answer(const data::Batch& batch) {
  return at::one_hot(batch.inputs[0], 3).to(c10::kFloat) * 100.0;
}

TEST(Evaluate, CountsRightAnswersOverBatchesOfDifferentSizes) {
  auto loader = two_batches();
  std::vector<int64_t> progress;
  const auto result = evaluate(Classifier(answer), loader, [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 2);
    progress.push_back(done);
  });
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->correct, 3);
  EXPECT_EQ(result->total, 5);
  EXPECT_DOUBLE_EQ(result->top1(), 0.6);
  EXPECT_EQ(result->to_string(), "top1 0.6000 (3/5)");
  // Right answers lose nothing, wrong ones 100: the mean over samples, not over batches.
  EXPECT_NEAR(result->loss, 40.0, 1e-4);
  EXPECT_EQ(progress, (std::vector<int64_t>{1, 2}));
}

TEST(Evaluate, RunsAModelInEvaluationModeAndRestoresItsMode) {
  auto model = testing::make_tiny_model();
  auto loader = testing::make_tiny_data();
  model->train();
  const at::Tensor mean = model->graph().find_parameter("norm.running_mean")->tensor().clone();
  const auto first = evaluate(*model, loader);
  const auto second = evaluate(*model, loader);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(model->is_training());
  EXPECT_EQ(first->loss, second->loss) << "no dropout";
  EXPECT_TRUE(model->graph().find_parameter("norm.running_mean")->tensor().equal(mean)) << "no new statistics";
  EXPECT_EQ(first->total, 40);
}

TEST(Evaluate, RefusesWhatCannotBeCounted) {
  const auto code = [](const Classifier& classifier, testing::TensorLoader loader) {
    return evaluate(classifier, loader).status().code();
  };
  using absl::StatusCode;
  EXPECT_EQ(code(answer, testing::TensorLoader({})), StatusCode::kInvalidArgument) << "no data";
  EXPECT_EQ(code(answer, testing::TensorLoader({{.inputs = {classes({0})}}})), StatusCode::kInvalidArgument)
      << "no targets";
  EXPECT_EQ(code(answer, testing::TensorLoader({{.inputs = {classes({0})}, .targets = classes({3})}})),
            StatusCode::kInvalidArgument)
      << "a class that there is not";
  const auto constant = [](at::Tensor tensor) {
    return [tensor](const data::Batch&) -> absl::StatusOr<at::Tensor> { return tensor; };
  };
  EXPECT_EQ(code(constant(at::zeros({5})), two_batches()), StatusCode::kInvalidArgument) << "no logits";
  const at::Tensor nan = at::full({4, 3}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(code(constant(nan), two_batches()), StatusCode::kInvalidArgument) << "NaN";
  const auto failing = [](const data::Batch&) -> absl::StatusOr<at::Tensor> { return absl::NotFoundError("gone"); };
  EXPECT_EQ(code(failing, two_batches()), StatusCode::kNotFound);
}

TEST(Evaluate, StopsBetweenBatchesWhenAsked) {
  auto loader = two_batches();
  int64_t batches = 0;
  const auto count = [&](int64_t done, int64_t) { batches = done; };
  const auto result = evaluate(Classifier(answer), loader, count, [&] { return batches == 1; });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(batches, 1);
}

}  // namespace
}  // namespace pare::training
