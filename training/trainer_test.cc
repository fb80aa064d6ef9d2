#include "training/trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/remainder.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "training/checkpoint.h"
#include "training/trainer_testing.h"

namespace pare::training {
namespace {

using testing::exists;
using testing::make_tiny_data;
using testing::make_tiny_model;
using testing::metrics_of;
using testing::quiet_options;
using testing::Recorder;

TEST(Trainer, LearnsAndReports) {
  auto model = make_tiny_model();
  model->graph().find_parameter("head.weight")->tensor().detach().zero_();
  auto data = make_tiny_data(8, 16);
  const std::string folder = make_test_folder() + "/made";
  TrainOptions options = quiet_options(20);
  options.output_dir = folder;
  int64_t steps = 0;
  options.on_step = [&](const StepReport& step) {
    EXPECT_EQ(step.global_step, steps++);
    EXPECT_EQ(step.step_in_epoch, step.global_step % 8);
    EXPECT_GT(step.gradient_norm, 0.0);
  };
  const auto before = evaluate(*model, data);
  const auto result = Trainer(model, data, &data, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(model->is_training());
  EXPECT_EQ(result->steps, 160);
  EXPECT_EQ(steps, 160);
  ASSERT_EQ(result->epochs.size(), 20u);
  EXPECT_LT(result->epochs.back().loss, result->epochs.front().loss);
  EXPECT_GT(result->last->top1(), 0.9);
  EXPECT_NEAR(before->loss, std::log(3.0), 1e-6);
  EXPECT_LT(result->last->loss, 0.5 * before->loss);
  EXPECT_EQ(result->epochs.back().evaluation->correct, result->last->correct);
  EXPECT_GE(result->best->top1(), result->last->top1());
  const auto metrics = metrics_of(folder);
  ASSERT_EQ(metrics.size(), 20u);
  EXPECT_EQ(metrics.back().at("epoch"), 19);
  EXPECT_EQ(metrics.back().at("correct"), result->last->correct);
  EXPECT_TRUE(exists(folder + "/last.checkpoint"));
  EXPECT_TRUE(exists(folder + "/best.checkpoint"));
}

TEST(Trainer, WritesForTensorBoardWhatTheNewRunMeasuresAlone) {
  auto data = make_tiny_data(2);
  TrainOptions options = quiet_options(2);
  options.output_dir = make_test_folder();
  const auto event_files = [&] {
    int64_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(options.output_dir + "/tensorboard")) {
      EXPECT_NE(file.path().string().find("events.out.tfevents."), std::string::npos);
      // The file's head and two epochs, each with its loss.
      EXPECT_GT(std::filesystem::file_size(file), 2 * sizeof("training/task_loss"));
      ++files;
    }
    return files;
  };
  ASSERT_TRUE(Trainer(make_tiny_model(), data, &data, options).run().ok());
  EXPECT_EQ(event_files(), 1);
  ASSERT_TRUE(Trainer(make_tiny_model(), data, &data, options).run().ok());
  EXPECT_EQ(event_files(), 1) << "those of an earlier training go";
  options.resume = true;
  ASSERT_TRUE(Trainer(make_tiny_model(), data, &data, options).run().ok());
  EXPECT_EQ(event_files(), 2) << "a resumed one goes on in a file of its own";
}

TEST(Trainer, SchedulesAfterTheOptimizerAndAfterEpochs) {
  Recorder recorder;
  auto data = make_tiny_data(2);
  const auto result = Trainer(recorder, data, nullptr, quiet_options(2)).run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(recorder.events, (std::vector<std::string>{"updated, step 0", "updated, step 1", "epoch 0",
                                                       "updated, step 2", "updated, step 3", "epoch 1"}));
}

TEST(Trainer, AddsTheCompressionLoss) {
  Recorder recorder(2.5);
  auto data = make_tiny_data(3);
  TrainOptions options = quiet_options(1);
  options.on_step = [](const StepReport& step) {
    EXPECT_EQ(step.compression_loss, 2.5);
    EXPECT_DOUBLE_EQ(step.loss, step.task_loss + 2.5);
  };
  const auto result = Trainer(recorder, data, nullptr, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NEAR(result->epochs[0].loss, result->epochs[0].task_loss + 2.5, 1e-12);
  EXPECT_EQ(result->epochs[0].compression_loss, 2.5);
}

TEST(Trainer, TheBestEpochIsOneOfTheFurthestStage) {
  Recorder recorder;
  auto data = make_tiny_data(4, 16);
  TrainOptions options = quiet_options(3);
  options.output_dir = make_test_folder();
  options.learning_rate = {.shape = LearningRateShape::kConstant, .base = 1e-9};
  const auto result = Trainer(recorder, data, &data, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_epoch, 1) << "all epochs are equally good, and from the second on it is compressed";
}

TEST(Trainer, SmoothsLabels) {
  auto model = make_tiny_model();
  model->graph().find_parameter("head.weight")->tensor().detach().zero_();
  model->graph().find_parameter("head.bias")->tensor().detach()[0] = 2.0;
  testing::TensorLoader data = make_tiny_data(1, 4);
  data.batches()[0].targets.zero_();
  TrainOptions options = quiet_options(1);
  options.label_smoothing = 0.3;
  const auto result = Trainer(model, data, nullptr, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  const double log_sum = std::log(std::exp(2.0) + 2.0);
  const double right = log_sum - 2.0, wrong = log_sum;
  EXPECT_NEAR(result->epochs[0].loss, 0.7 * right + 0.3 * (right + 2.0 * wrong) / 3.0, 1e-6);
}

TEST(Trainer, TakesATaskLossOfOnesOwn) {
  auto model = make_tiny_model();
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.task_loss = [](const at::Tensor& output, const data::Batch&) { return output.square().mean(); };
  const auto result = Trainer(model, data, nullptr, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  options.task_loss = [](const at::Tensor& output, const data::Batch&) { return output; };
  EXPECT_EQ(Trainer(model, data, nullptr, options).run().status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Trainer, ClipsGradients) {
  auto model = make_tiny_model();
  auto data = make_tiny_data(1);
  TrainOptions options = quiet_options(1);
  options.optimizer = {.weight_decay = 0.0, .momentum = 0.0};
  options.learning_rate = {.shape = LearningRateShape::kConstant, .base = 1.0};
  options.max_gradient_norm = 1e-3;
  const graph::ModelState before = graph::get_state(*model);
  ASSERT_TRUE(Trainer(model, data, nullptr, options).run().ok());
  double squared = 0.0;
  for (const auto& [name, parameter] : model->named_parameters()) {
    squared += (parameter.detach() - before.tensors.at(name)).square().sum().item<double>();
  }
  EXPECT_NEAR(std::sqrt(squared), 1e-3, 1e-6);
}

TEST(Trainer, FreezesBatchNormWhenItIsTime) {
  auto model = make_tiny_model();
  auto data = make_tiny_data(4);
  TrainOptions options = quiet_options(2);
  options.freeze_batch_norm_epoch = 0.5;
  const at::Tensor mean = model->graph().find_parameter("norm.running_mean")->tensor();
  std::vector<at::Tensor> means;
  options.on_step = [&](const StepReport&) { means.push_back(mean.clone()); };
  ASSERT_TRUE(Trainer(model, data, nullptr, options).run().ok());
  ASSERT_EQ(means.size(), 8u);
  EXPECT_FALSE(at::equal(means[0], means[1]));
  for (size_t i = 2; i < 8; ++i) EXPECT_TRUE(at::equal(means[i], means[1])) << i;
}

TEST(TrainerDivergence, StopsAtANanAndKeepsTheGoodCheckpoint) {
  auto data = make_tiny_data();
  Recorder recorder;
  TrainOptions options = quiet_options(3);
  options.output_dir = make_test_folder();
  std::string good;
  options.on_epoch = [&](const EpochReport&) {
    good = read_file(options.output_dir + "/last.checkpoint").value();
    data.batches()[3].inputs[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  };
  const absl::Status status = Trainer(recorder, data, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_NE(status.message().find("epoch 2, step 3 (8 in all)"), std::string::npos) << status;
  EXPECT_NE(status.message().find("input 0 of the batch"), std::string::npos) << status;
  EXPECT_NE(status.message().find("last.checkpoint"), std::string::npos) << status;
  EXPECT_EQ(read_file(options.output_dir + "/last.checkpoint").value(), good);
  const auto checkpoint = load_checkpoint(options.output_dir + "/last.checkpoint");
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->epoch, 1);
}

TEST(TrainerDivergence, NeverWritesABrokenModel) {
  auto data = make_tiny_data(1);
  Recorder recorder;
  recorder.break_bias = true;  // in the last step, where no loss will notice
  TrainOptions options = quiet_options(1);
  options.output_dir = make_test_folder();
  const absl::Status status = Trainer(recorder, data, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_NE(status.message().find("head.bias"), std::string::npos) << status;
  EXPECT_FALSE(exists(options.output_dir + "/last.checkpoint"));
}

TEST(TrainerErrors, AnOutputFolderThatCannotBeMadeIsFoundBeforeTraining) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.on_step = [](const StepReport&) { FAIL() << "trained"; };
  options.output_dir = make_test_folder() + "/no/parent";
  EXPECT_EQ(Trainer(make_tiny_model(), data, nullptr, options).run().status().code(), absl::StatusCode::kNotFound);
  const std::string file = make_test_folder() + "/file";
  ASSERT_TRUE(write_file_atomically(file, "x").ok());
  for (const std::string& path : {file, file + "/below"}) {
    options.output_dir = path;
    EXPECT_FALSE(Trainer(make_tiny_model(), data, nullptr, options).run().ok()) << path;
  }
}

TEST(TrainerErrors, OptionsOutOfRange) {
  auto data = make_tiny_data();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<TrainOptions> bad(9, quiet_options(1));
  bad[0].epochs = 0;
  bad[1].label_smoothing = 1.0;
  bad[2].label_smoothing = nan;
  bad[3].max_gradient_norm = nan;
  bad[4].max_steps = -1;
  bad[5].resume = true;
  bad[6].restore_best = true;
  bad[7].learning_rate.base = nan;
  bad[8].optimizer.momentum = 2.0;
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(Trainer(make_tiny_model(), data, &data, bad[i]).run().status().code(), absl::StatusCode::kInvalidArgument)
        << i;
  }
  testing::TensorLoader empty({});
  EXPECT_EQ(Trainer(make_tiny_model(), empty, nullptr, quiet_options(1)).run().status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TrainerErrors, AScheduleLongerThanTheTraining) {
  auto data = make_tiny_data(1);
  testing::Recorder method;
  method.epochs_needed = 3;
  const absl::Status status = Trainer(method, data, nullptr, quiet_options(2)).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("target after 3 epochs, but the training has 2"), std::string::npos) << status;
  EXPECT_TRUE(method.events.empty());
  EXPECT_TRUE(Trainer(method, data, nullptr, quiet_options(3)).run().ok());
  TrainOptions options = quiet_options(1);
  options.allow_unfinished_schedule = true;
  EXPECT_TRUE(Trainer(method, data, nullptr, options).run().ok());
}

TEST(TrainerErrors, ATargetThatIsNoClassIsNamed) {
  auto data = make_tiny_data(1);
  data.batches()[0].targets[0] = 7;
  const absl::Status status = Trainer(make_tiny_model(), data, nullptr, quiet_options(1)).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("Target 7"), std::string::npos) << status;
}

TEST(Trainer, EndsWithTheBestEpochWhenAsked) {
  auto train_data = make_tiny_data(4, 16), eval_data = make_tiny_data(4, 16);
  TrainOptions options = quiet_options(6);
  options.learning_rate.shape = LearningRateShape::kConstant;
  options.output_dir = make_test_folder();
  options.restore_best = true;
  options.on_epoch = [&](const EpochReport& report) {
    if (report.epoch != 2) return;
    // From now on it learns nonsense.
    for (data::Batch& batch : train_data.batches()) batch.targets = at::remainder(batch.targets + 1, 3);
  };
  Recorder recorder;
  const auto result = Trainer(recorder, train_data, &eval_data, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_LT(result->best_epoch, 5);
  ASSERT_LT(result->last->correct, result->best->correct);
  const auto now = evaluate(*recorder.model(), eval_data);
  EXPECT_EQ(now->correct, result->best->correct);
  EXPECT_EQ(now->loss, result->best->loss);
}

TEST(Trainer, TheScheduleMultipliesLearningRateAndWeightDecay) {
  const auto change_of = [](double rate_factor, double decay_factor) {
    Recorder recorder;
    recorder.learning_rate_factor = rate_factor;
    recorder.weight_decay_factor = decay_factor;
    auto data = make_tiny_data(1);
    TrainOptions options = quiet_options(1);
    options.learning_rate = {.shape = LearningRateShape::kConstant, .base = 0.1};
    options.optimizer = {.weight_decay = 0.5, .momentum = 0.0};
    options.on_step = [&](const StepReport& step) { EXPECT_DOUBLE_EQ(step.learning_rate, 0.1 * rate_factor); };
    const at::Tensor weight = recorder.model()->graph().find_parameter("head.weight")->tensor();
    const at::Tensor before = weight.detach().clone();
    EXPECT_TRUE(Trainer(recorder, data, nullptr, options).run().ok());
    return std::pair{before, at::sub(weight.detach(), before)};
  };
  const auto [weight, whole] = change_of(1.0, 1.0);
  EXPECT_TRUE(at::allclose(change_of(0.5, 1.0).second, whole * 0.5, 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(change_of(1.0, 0.0).second, whole + 0.1 * 0.5 * weight, 1e-4, 1e-6));
}

TEST(TrainerDivergence, ANanInTheEvaluationIsExplained) {
  auto data = make_tiny_data(), eval_data = make_tiny_data();
  eval_data.batches()[1].inputs[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  const absl::Status status = Trainer(make_tiny_model(), data, &eval_data, quiet_options(2)).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_NE(status.message().find("in the evaluation after epoch 1, step 5"), std::string::npos) << status;
  EXPECT_NE(status.message().find("input 0 of the batch"), std::string::npos) << status;
}

}  // namespace
}  // namespace pare::training
