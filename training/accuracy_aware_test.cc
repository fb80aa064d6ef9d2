#include "training/accuracy_aware.h"

#include <signal.h>

#include <cmath>
#include <limits>

#include "base/test_folder.h"
#include "compression/level_stage.h"
#include "gmock/gmock.h"
#include "schedulers/level_schedule.h"
#include "training/checkpoint.h"
#include "training/trainer_testing.h"

namespace pare::training {
namespace {

using ::testing::ElementsAre;
using testing::expect_same_state;
using ::testing::HasSubstr;
using testing::make_tiny_data;
using testing::make_tiny_model;
using testing::metrics_of;
using testing::quiet_options;
using testing::Recorder;

// A tenth an epoch, up to a half.
class Linear : public LevelSchedule {
 public:
  Linear() : LevelSchedule({}) {}
  double level_at(double epochs) const override { return std::min(epochs / 10, 0.5); }
  int64_t epochs_needed() const override { return 5; }
};

// A method that is nothing but a rate.
class Dial : public CompressionAlgorithm {
 public:
  Dial() : CompressionAlgorithm(make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}}) {}
  CompressionScheduler& scheduler() override { return schedule_; }
  CompressionStage stage() const override {
    return schedule_.level() > learns_up_to ? CompressionStage::kPartiallyCompressed : stage_of(schedule_);
  }
  absl::StatusOr<double> compression_rate() const override { return schedule_.level(); }
  absl::Status set_compression_rate(double rate) override {
    if (rate > reaches) return absl::OutOfRangeError("too much");
    return hold_rate(schedule_, rate, config());
  }

  double learns_up_to = 1.0, reaches = 1.0;

 private:
  Linear schedule_;
};

AccuracyAwareSettings adaptive() {
  return {.mode = AccuracyAwareMode::kAdaptiveCompressionLevel,
          .maximal_absolute_degradation = 0.1,
          .initial_training_phase_epochs = 3,
          .patience_epochs = 2};
}

// 1 at rate 0, below 0.9 from the rate `limit` on, and a little better after more epochs.
EvaluateFunction accuracy_up_to(const Dial& dial, double limit) {
  return [&dial, limit](graph::Model& model) -> absl::StatusOr<double> {
    EXPECT_FALSE(model.is_training());
    return 1 - 0.1 * dial.compression_rate().value() / limit;
  };
}

EvaluateFunction scripted(std::vector<double> accuracies) {
  return [accuracies, i = size_t{0}](graph::Model&) mutable -> absl::StatusOr<double> {
    EXPECT_LT(i, accuracies.size());
    return accuracies[std::min(i++, accuracies.size() - 1)];
  };
}

TrainOptions options_in(const std::string& folder, int64_t epochs = 10) {
  TrainOptions options = quiet_options(epochs);
  options.learning_rate = {.shape = LearningRateShape::kConstant, .base = 0.01};
  options.output_dir = folder;
  return options;
}

std::vector<double> column(const std::string& folder, const char* key) {
  std::vector<double> values;
  for (const nlohmann::json& line : metrics_of(folder)) {
    values.push_back(line["accuracy_aware"].contains(key) ? line["accuracy_aware"][key].get<double>()
                                                          : line[key].get<double>());
  }
  return values;
}

TEST(EarlyExit, StopsAtTheFirstEpochThatQualifiesAndNotBeforeItIsFullyCompressed) {
  Recorder method;  // fully compressed after its second epoch
  auto data = make_tiny_data();
  const std::string folder = make_test_folder();
  AccuracyAwareTraining training(method, data, &data, options_in(folder), {}, 0.9,
                                 scripted({0.9, 0.9, 0.89, 0.85, 0.895, 0.9}));
  const auto result = training.run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->is_budget_met);
  EXPECT_EQ(result->best.epoch, 3);
  EXPECT_EQ(result->training.num_epochs, 4);
  EXPECT_EQ(result->best.accuracy, 0.895);
  EXPECT_NEAR(result->accuracy_drop, 0.005, 1e-12);
  EXPECT_NEAR(result->budget_left, 0.004, 1e-12);  // 0.895 - 0.891
  EXPECT_FALSE(result->best.compression_rate.has_value());
  EXPECT_THAT(column(folder, "accuracy"), ElementsAre(0.9, 0.89, 0.85, 0.895));
}

TEST(EarlyExit, TrainsNotAtAllWhereTheModelQualifiesAlready) {
  CompressionAlgorithm method(make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}});
  const graph::ModelState before = graph::get_state(*method.model());
  auto data = make_tiny_data();
  TrainOptions options = options_in(make_test_folder());
  for (int i = 0; i < 2; ++i) {
    const auto result = AccuracyAwareTraining(method, data, nullptr, options, {}, 0.9, scripted({0.895})).run();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->is_budget_met);
    EXPECT_EQ(result->best.epoch, -1);
    EXPECT_EQ(result->training.steps, 0);
    options.resume = true;  // there is nothing more to do
  }
  for (const auto& [name, tensor] : before.tensors) {
    EXPECT_TRUE(at::equal(tensor, graph::get_state(*method.model()).tensors.at(name))) << name;
  }
}

TEST(EarlyExit, KeepsTheLeastDropWhereTheBudgetIsNeverMet) {
  Recorder method;
  auto data = make_tiny_data();
  const std::string folder = make_test_folder();
  TrainOptions options = options_in(folder, 5);
  at::Tensor best_weight;
  options.on_epoch = [&](const EpochReport& report) {
    if (report.epoch == 3) best_weight = method.model()->graph().find_parameter("head.weight")->tensor().clone();
  };
  ::testing::internal::CaptureStderr();
  // The first epoch is more accurate, but not compressed.
  const auto result =
      AccuracyAwareTraining(method, data, &data, options, {}, 0.9, scripted({0.9, 0.9, 0.8, 0.7, 0.85, 0.8})).run();
  const std::string log = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->is_budget_met);
  EXPECT_EQ(result->best.epoch, 3);
  EXPECT_NEAR(result->budget_left, -0.041, 1e-12);
  EXPECT_THAT(log, HasSubstr("the accuracy budget is missed by 0.0410: the model of epoch 4 is kept"));
  EXPECT_TRUE(at::equal(best_weight, method.model()->graph().find_parameter("head.weight")->tensor()));
}

TEST(EarlyExit, TrainsForTheLesserNumberOfEpochsAndByTop1Alone) {
  Recorder method;
  auto data = make_tiny_data();
  const auto result = AccuracyAwareTraining(method, data, &data, options_in(make_test_folder(), 5),
                                            {.maximal_relative_degradation = 0, .maximal_total_epochs = 3}, 1.5)
                          .run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->training.num_epochs, 3);
  EXPECT_EQ(result->best.accuracy, result->training.best->top1());
}

TEST(Adaptive, FindsTheGreatestRateWithinTheBudget) {
  Dial dial;
  auto data = make_tiny_data();
  const std::string folder = make_test_folder();
  const auto result =
      AccuracyAwareTraining(dial, data, &data, options_in(folder, 1), adaptive(), 1.0, accuracy_up_to(dial, 0.57))
          .run();
  ASSERT_TRUE(result.ok()) << result.status();
  // Three epochs of the schedule, then two on each rate: up to 0.6, which is too much, then by halved steps.
  EXPECT_THAT(column(folder, "compression_rate"),
              ElementsAre(0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.5, 0.6, 0.6, 0.55, 0.55, 0.575, 0.575));
  EXPECT_THAT(column(folder, "learning_rate"),
              ElementsAre(0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025));
  EXPECT_TRUE(result->is_budget_met);
  EXPECT_EQ(result->best.compression_rate, 0.55);
  EXPECT_EQ(result->best.epoch, 9) << "of equal ones the first";
  EXPECT_EQ(dial.compression_rate().value(), 0.55);
  const auto best = load_checkpoint(folder + "/best.checkpoint");
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(best->epoch, 10);
  EXPECT_EQ(best->algorithm["scheduler"]["held"], 0.55);
}

TEST(Adaptive, TheLearningRatesScheduleStartsAnewOnEachRate) {
  Dial dial;
  auto data = make_tiny_data(4);
  TrainOptions options = options_in(make_test_folder());
  options.learning_rate = {.shape = LearningRateShape::kPolynomial, .base = 0.1, .warmup_epochs = 1};
  std::vector<double> rates;
  options.on_step = [&](const StepReport& step) { rates.push_back(step.learning_rate); };
  AccuracyAwareSettings settings = adaptive();
  settings.initial_training_phase_epochs = 2;
  settings.patience_epochs = 1;  // of which the warmup is all
  settings.maximal_total_epochs = 3;
  ASSERT_TRUE(AccuracyAwareTraining(dial, data, nullptr, options, settings, 1.0, accuracy_up_to(dial, 0.9)).run().ok());
  const std::vector<double> expected = {0.02, 0.04, 0.06, 0.08, 0.1, 0.075, 0.05, 0.025, 0.02, 0.04, 0.06, 0.08};
  ASSERT_EQ(rates.size(), expected.size());
  for (size_t i = 0; i < rates.size(); ++i) EXPECT_DOUBLE_EQ(rates[i], expected[i]) << i;
}

TEST(Adaptive, GoesDownFromWhatIsTooMuchAndEndsWithTheEpochs) {
  Dial dial;
  auto data = make_tiny_data();
  const std::string folder = make_test_folder();
  AccuracyAwareSettings settings = adaptive();
  settings.maximal_total_epochs = 6;
  const auto result =
      AccuracyAwareTraining(dial, data, nullptr, options_in(folder), settings, 1.0, accuracy_up_to(dial, 0.22)).run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(column(folder, "compression_rate"), ElementsAre(0.1, 0.2, 0.3, 0.2, 0.2, 0.25));
  EXPECT_EQ(result->best.compression_rate, 0.2);
  EXPECT_TRUE(result->is_budget_met);
}

TEST(Adaptive, ARateThatIsNotLearnedCountsAsTooMuch) {
  Dial dial;
  dial.learns_up_to = 0.45;
  auto data = make_tiny_data();
  const auto result = AccuracyAwareTraining(dial, data, nullptr, options_in(make_test_folder()), adaptive(), 1.0,
                                            accuracy_up_to(dial, 0.9))
                          .run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best.compression_rate, 0.45);
}

TEST(Adaptive, ARateThatCannotBeReachedCostsNoEpoch) {
  Dial dial;
  dial.reaches = 0.44;
  auto data = make_tiny_data();
  const std::string folder = make_test_folder();
  const auto result =
      AccuracyAwareTraining(dial, data, nullptr, options_in(folder), adaptive(), 1.0, accuracy_up_to(dial, 0.9)).run();
  ASSERT_TRUE(result.ok()) << result.status();
  // 0.5 cannot be reached, nor 0.475 after 0.45.
  EXPECT_THAT(column(folder, "compression_rate"), ElementsAre(0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.425, 0.425));
  EXPECT_EQ(result->best.compression_rate, 0.425);
}

void expect_resume_changes_nothing(const AccuracyAwareSettings& settings, std::vector<int64_t> stops) {
  const auto options_for = [](const std::string& folder) {
    TrainOptions options = options_in(folder, 8);
    options.optimizer.kind = OptimizerKind::kAdam;
    options.learning_rate.shape = LearningRateShape::kCosine;
    options.print_statistics = false;
    return options;
  };
  auto data = make_tiny_data(5);
  const std::string whole_folder = make_test_folder(), parts_folder = make_test_folder();
  Dial whole;
  const auto expected =
      AccuracyAwareTraining(whole, data, &data, options_for(whole_folder), settings, 1.0, accuracy_up_to(whole, 0.57))
          .run();
  ASSERT_TRUE(expected.ok()) << expected.status();

  stops.push_back(-1);
  for (const int64_t stop : stops) {
    Dial part;  // another process would start with a model like this
    TrainOptions options = options_for(parts_folder);
    options.resume = true;
    options.on_step = [&](const StepReport& step) {
      if (step.global_step + 1 == stop) raise(SIGINT);
    };
    const auto result =
        AccuracyAwareTraining(part, data, &data, options, settings, 1.0, accuracy_up_to(part, 0.57)).run();
    if (stop >= 0) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
      continue;
    }
    ASSERT_TRUE(result.ok()) << result.status();
    expect_same_state(*whole.model(), *part.model());
    EXPECT_EQ(result->best.epoch, expected->best.epoch);
    EXPECT_EQ(result->best.accuracy, expected->best.accuracy);
    EXPECT_EQ(result->best.compression_rate, expected->best.compression_rate);
    EXPECT_EQ(result->training.steps, expected->training.steps);
  }
  EXPECT_EQ(metrics_of(parts_folder), metrics_of(whole_folder));
}

TEST(Adaptive, ResumingChangesNothing) {
  // In the initial phase, at its last step, on a rate, at a rate's last step, after a change of direction.
  expect_resume_changes_nothing(adaptive(), {3, 15, 18, 25, 47});
}

TEST(EarlyExit, ResumingChangesNothing) {
  expect_resume_changes_nothing({.maximal_absolute_degradation = 0.01}, {3, 10, 26});
}

TEST(Adaptive, AFinishedSearchThatIsResumedIsLeftAsItIs) {
  auto data = make_tiny_data();
  TrainOptions options = options_in(make_test_folder());
  Dial first, again;
  const auto done =
      AccuracyAwareTraining(first, data, nullptr, options, adaptive(), 1.0, accuracy_up_to(first, 0.57)).run();
  ASSERT_TRUE(done.ok()) << done.status();
  options.resume = true;
  const auto resumed =
      AccuracyAwareTraining(again, data, nullptr, options, adaptive(), 1.0, accuracy_up_to(again, 0.57)).run();
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->training.steps, done->training.steps);
  EXPECT_EQ(resumed->best.compression_rate, 0.55);
  expect_same_state(*first.model(), *again.model());
  // Another budget is another training.
  AccuracyAwareSettings other = adaptive();
  other.maximal_absolute_degradation = 0.2;
  const auto refused =
      AccuracyAwareTraining(again, data, nullptr, options, other, 1.0, accuracy_up_to(again, 0.57)).run();
  EXPECT_THAT(refused.status().message(), HasSubstr("maximal_absolute_accuracy_degradation"));
}

TEST(AccuracyAwareTraining, SaysWhatIsWrong) {
  auto data = make_tiny_data();
  Dial dial;
  Recorder without_rate;
  const auto error_of = [&](CompressionAlgorithm& method, TrainOptions options, AccuracyAwareSettings settings,
                            EvaluateFunction evaluate, double accuracy = 1.0) {
    return AccuracyAwareTraining(method, data, nullptr, options, settings, accuracy, evaluate).run().status();
  };
  const TrainOptions options = options_in(make_test_folder());
  const absl::Status no_rate = error_of(without_rate, options, adaptive(), scripted({1}));
  EXPECT_EQ(no_rate.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(no_rate.message(), HasSubstr("has no compression rate"));
  EXPECT_THAT(no_rate.message(), HasSubstr("\"adaptive_compression_level\"; \"early_exit\" needs no rate"));
  EXPECT_THAT(error_of(dial, options_in(""), adaptive(), scripted({1})).message(), HasSubstr("needs an output folder"));
  EXPECT_THAT(error_of(dial, options, adaptive(), nullptr).message(), HasSubstr("an evaluation function or"));
  EXPECT_THAT(error_of(dial, options, adaptive(), scripted({1}), 0.05).message(), HasSubstr("allows any model"));
  EXPECT_THAT(error_of(dial, options, {.maximal_relative_degradation = -1}, scripted({1})).message(),
              HasSubstr("maximal_relative_accuracy_degradation: expected a number of percent of at least 0, found -1"));
  const absl::Status nan = error_of(dial, options, adaptive(), scripted({std::numeric_limits<double>::quiet_NaN()}));
  EXPECT_EQ(nan.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(nan.message(), HasSubstr("the evaluation function gave nan after 5 steps"));
  const absl::Status no_images =
      error_of(dial, options, adaptive(), [](graph::Model&) { return absl::DataLossError("no images"); });
  EXPECT_EQ(no_images.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(no_images.message(), HasSubstr("no images; the training stopped after step 5"));
  // early_exit follows the schedule to its end.
  EXPECT_THAT(error_of(dial, options_in(make_test_folder(), 4), {}, scripted({1})).message(),
              HasSubstr("reaches its target after 5 epochs, but the training has 4"));
}

}  // namespace
}  // namespace pare::training
