#include "training/trainer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/atomic_file.h"
#include "training/checkpoint.h"
#include "training/testing.h"

namespace pare::training {
namespace {

using testing::make_test_folder;
using testing::make_tiny_data;
using testing::make_tiny_model;

// A method that writes down what is called, adds a constant to the loss, and is compressed from its second epoch on.
class Recorder : public CompressionAlgorithm {
 public:
  explicit Recorder(double extra_loss = 0.0)
      : CompressionAlgorithm(make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}}),
        loss_(*this, extra_loss),
        scheduler_(*this) {}

  CompressionLoss& loss() override { return loss_; }
  CompressionScheduler& scheduler() override { return scheduler_; }
  CompressionStage stage() const override {
    return scheduler_.current_epoch() >= 1 ? CompressionStage::kFullyCompressed : CompressionStage::kUncompressed;
  }
  Statistics statistics() const override {
    Statistics statistics;
    statistics.set("events", static_cast<int64_t>(events.size()));
    return statistics;
  }

  std::vector<std::string> events;
  bool break_bias = false;

 private:
  class Loss : public CompressionLoss {
   public:
    Loss(Recorder& recorder, double extra) : recorder_(recorder), extra_(extra) {}
    at::Tensor forward() override {
      recorder_.bias_before_ = recorder_.bias().clone();
      return extra_ == 0.0 ? at::Tensor() : at::full({}, extra_);
    }

   private:
    Recorder& recorder_;
    double extra_;
  };
  class Scheduler : public CompressionScheduler {
   public:
    explicit Scheduler(Recorder& recorder) : recorder_(recorder) {}
    void step(std::optional<int64_t> last) override {
      CompressionScheduler::step(last);
      const bool stepped = !at::equal(recorder_.bias(), recorder_.bias_before_);
      recorder_.events.push_back(absl::StrCat(stepped ? "updated, " : "", "step ", current_step()));
      if (recorder_.break_bias) recorder_.bias()[0] = std::numeric_limits<double>::quiet_NaN();
    }
    void epoch_step(std::optional<int64_t> last) override {
      CompressionScheduler::epoch_step(last);
      recorder_.events.push_back(absl::StrCat("epoch ", current_epoch()));
    }

   private:
    Recorder& recorder_;
  };

  at::Tensor bias() const { return model()->graph().find_parameter("head.bias")->tensor().detach(); }

  at::Tensor bias_before_;
  Loss loss_;
  Scheduler scheduler_;
};

TrainOptions quiet_options(int64_t epochs) {
  TrainOptions options;
  options.epochs = epochs;
  options.learning_rate = {.base = 0.1};
  options.progress.quiet = true;
  return options;
}

void expect_same_state(graph::Model& a, graph::Model& b) {
  const graph::ModelState first = graph::get_state(a), second = graph::get_state(b);
  ASSERT_EQ(first.tensors.size(), second.tensors.size());
  for (const auto& [name, tensor] : first.tensors) EXPECT_TRUE(at::equal(tensor, second.tensors.at(name))) << name;
}

// metrics.jsonl without what depends on the clock.
std::vector<nlohmann::json> metrics_of(const std::string& folder) {
  std::vector<nlohmann::json> lines;
  const std::string text = read_file(folder + "/metrics.jsonl").value();
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line.begin(), line.end()));
    lines.back().erase("seconds");
    lines.back().erase("data_seconds");
  }
  return lines;
}

bool exists(const std::string& path) { return read_file(path).ok(); }

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

// Trains 4 epochs of 5 steps at once, and in two runs of which the first one ends after `steps`.
void expect_resume_changes_nothing(int64_t steps, bool by_signal) {
  const auto options_for = [](const std::string& folder) {
    TrainOptions options = quiet_options(4);
    options.optimizer.kind = OptimizerKind::kAdam;
    options.learning_rate.base = 0.01;
    options.output_dir = folder;
    options.config = {{"bits", 8}};
    return options;
  };
  auto data = make_tiny_data(5);
  Recorder whole(0.5), parts(0.5);
  const std::string whole_folder = make_test_folder(), parts_folder = make_test_folder();
  const auto expected = Trainer(whole, data, &data, options_for(whole_folder)).run();
  ASSERT_TRUE(expected.ok()) << expected.status();

  TrainOptions first = options_for(parts_folder);
  if (by_signal) {
    first.on_step = [&](const StepReport& step) {
      if (step.global_step + 1 == steps) raise(SIGINT);
    };
  } else {
    first.max_steps = steps;
  }
  const auto stopped = Trainer(parts, data, &data, first).run();
  EXPECT_EQ(stopped.status().code(), by_signal ? absl::StatusCode::kCancelled : absl::StatusCode::kOk);

  Recorder fresh(0.5);  // another process would start with a model like this
  TrainOptions second = options_for(parts_folder);
  second.resume = true;
  const auto resumed = Trainer(fresh, data, &data, second).run();
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  expect_same_state(*whole.model(), *fresh.model());
  EXPECT_EQ(resumed->steps, 20);
  EXPECT_EQ(resumed->last->loss, expected->last->loss);
  EXPECT_EQ(resumed->best->loss, expected->best->loss);
  EXPECT_EQ(resumed->best_epoch, expected->best_epoch);
  EXPECT_EQ(fresh.scheduler().current_step(), 19);
  EXPECT_EQ(fresh.scheduler().current_epoch(), 3);
  auto whole_metrics = metrics_of(whole_folder), parts_metrics = metrics_of(parts_folder);
  for (auto* metrics : {&whole_metrics, &parts_metrics}) {
    for (nlohmann::json& line : *metrics) line.erase("statistics");  // the recorder's events are not part of its state
  }
  EXPECT_EQ(parts_metrics, whole_metrics);
}

TEST(TrainerResume, AfterAnEpochChangesNothing) { expect_resume_changes_nothing(10, false); }
TEST(TrainerResume, InTheMiddleOfAnEpochChangesNothing) { expect_resume_changes_nothing(8, false); }
TEST(TrainerResume, AfterASignalChangesNothing) { expect_resume_changes_nothing(13, true); }
TEST(TrainerResume, AfterASignalInAnEpochsLastStepChangesNothing) { expect_resume_changes_nothing(10, true); }

TEST(TrainerResume, OfAFinishedTrainingOnlyEvaluates) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.output_dir = make_test_folder();
  Recorder first;
  const auto done = Trainer(first, data, &data, options).run();
  ASSERT_TRUE(done.ok()) << done.status();
  options.resume = true;
  Recorder again;
  const auto resumed = Trainer(again, data, &data, options).run();
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_TRUE(again.events.empty());
  EXPECT_EQ(resumed->last->loss, done->last->loss);
}

TEST(TrainerResume, WithoutACheckpointStartsAnew) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.output_dir = make_test_folder();
  options.resume = true;
  const auto result = Trainer(make_tiny_model(), data, nullptr, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->steps, 5);
}

TEST(TrainerResume, RefusesAnotherTrainingsCheckpoint) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.output_dir = make_test_folder();
  options.config = {{"bits", 8}};
  ASSERT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
  options.resume = true;
  options.config = {{"bits", 4}};
  EXPECT_EQ(Trainer(make_tiny_model(), data, nullptr, options).run().status().code(),
            absl::StatusCode::kInvalidArgument);
  options.config = {{"bits", 8}};
  auto more_data = make_tiny_data(7);
  EXPECT_EQ(Trainer(make_tiny_model(), more_data, nullptr, options).run().status().code(),
            absl::StatusCode::kInvalidArgument);

  const std::string path = options.output_dir + "/last.checkpoint";
  const std::string bytes = read_file(path).value();
  ASSERT_TRUE(write_file_atomically(path, bytes.substr(0, bytes.size() / 2)).ok());
  const absl::Status truncated = Trainer(make_tiny_model(), data, nullptr, options).run().status();
  EXPECT_EQ(truncated.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(truncated.message().find("truncated"), std::string::npos) << truncated;
}

TEST(TrainerInterrupt, WithoutAFolderStopsAndSaysSo) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(3);
  options.on_step = [](const StepReport&) { raise(SIGTERM); };
  const absl::Status status = Trainer(make_tiny_model(), data, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_NE(status.message().find("SIGTERM"), std::string::npos) << status;
  EXPECT_NE(status.message().find("after 1 steps"), std::string::npos) << status;
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

TEST(TrainerErrors, ATargetThatIsNoClassIsNamed) {
  auto data = make_tiny_data(1);
  data.batches()[0].targets[0] = 7;
  const absl::Status status = Trainer(make_tiny_model(), data, nullptr, quiet_options(1)).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("Target 7"), std::string::npos) << status;
}

TEST(Trainer, EndsWithTheBestEpochWhenAsked) {
  auto data = make_tiny_data(4, 16);
  TrainOptions options = quiet_options(6);
  options.output_dir = make_test_folder();
  options.restore_best = true;
  Recorder recorder;
  const auto result = Trainer(recorder, data, &data, options).run();
  ASSERT_TRUE(result.ok()) << result.status();
  const auto now = evaluate(*recorder.model(), data);
  EXPECT_EQ(now->correct, result->best->correct);
  EXPECT_EQ(now->loss, result->best->loss);
}

}  // namespace
}  // namespace pare::training
