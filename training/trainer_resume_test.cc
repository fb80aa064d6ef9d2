#include <ATen/ops/rand.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "training/checkpoint.h"
#include "training/epoch_control.h"
#include "training/fnv1a.h"
#include "training/trainer_testing.h"

namespace pare::training {
namespace {

using testing::exists;
using testing::expect_same_state;
using testing::make_tiny_data;
using testing::make_tiny_model;
using testing::metrics_of;
using testing::quiet_options;
using testing::Recorder;

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

TEST(TrainerResume, ASecondTrainingIntoTheSameFolderTouchesNothing) {
  auto data = make_tiny_data(5);
  Recorder first(0.5), second(0.5);
  TrainOptions options = quiet_options(2);
  options.output_dir = make_test_folder();
  absl::Status refused;
  TrainOptions another = options;
  options.on_step = [&](const StepReport& step) {
    if (step.global_step != 7) return;
    auto more_data = make_tiny_data(5);
    const std::string checkpoint = read_file(options.output_dir + "/last.checkpoint").value();
    for (const bool resume : {false, true}) {
      another.resume = resume;
      refused = Trainer(second, more_data, nullptr, another).run().status();
      EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
    }
    EXPECT_EQ(read_file(options.output_dir + "/last.checkpoint").value(), checkpoint);
  };
  ASSERT_TRUE(Trainer(first, data, nullptr, options).run().ok());
  EXPECT_FALSE(refused.ok());
  another.resume = true;
  EXPECT_TRUE(Trainer(second, data, nullptr, another).run().ok()) << "the first one has ended";
}

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
  const auto expect_refused = [&](const TrainOptions& other, const char* difference) {
    const absl::Status status = Trainer(make_tiny_model(), data, nullptr, other).run().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(difference), std::string::npos) << status;
  };
  TrainOptions other = options;
  other.config = {{"bits", 4}};
  expect_refused(other, "bits was 8 and is 4 now");
  other = options;
  other.optimizer.momentum = 0.5;
  expect_refused(other, "optimizer.momentum was 0.9 and is 0.5 now");
  other = options;
  other.epochs = 2;
  expect_refused(other, "epochs was 1 and is 2 now");
  auto more_data = make_tiny_data(7);
  EXPECT_EQ(Trainer(make_tiny_model(), more_data, nullptr, options).run().status().code(),
            absl::StatusCode::kInvalidArgument);

  const std::string path = options.output_dir + "/last.checkpoint";
  const std::string bytes = read_file(path).value();
  ASSERT_TRUE(write_file_atomically(path, bytes.substr(0, bytes.size() / 2)).ok());
  const absl::Status truncated = Trainer(make_tiny_model(), data, nullptr, options).run().status();
  EXPECT_EQ(truncated.code(), absl::StatusCode::kDataLoss);
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

// Sends a signal when batch number `at` (from 0, over all passes) is asked for.
class SignallingLoader : public testing::TensorLoader {
 public:
  SignallingLoader(testing::TensorLoader data, int64_t at) : TensorLoader(std::move(data)), at_(at) {}
  absl::StatusOr<std::optional<data::Batch>> next() override {
    if (count_++ == at_) raise(SIGINT);
    return TensorLoader::next();
  }

 private:
  int64_t count_ = 0;
  int64_t at_;
};

TEST(TrainerInterrupt, InAnEvaluationCostsNothingButTheEvaluation) {
  const auto options_for = [](const std::string& folder) {
    TrainOptions options = quiet_options(3);
    options.output_dir = folder;
    return options;
  };
  auto data = make_tiny_data(5);
  Recorder whole;
  const std::string whole_folder = make_test_folder();
  const auto expected = Trainer(whole, data, &data, options_for(whole_folder)).run();
  ASSERT_TRUE(expected.ok()) << expected.status();
  // In the middle of the second epoch's evaluation, and at the very end of the last one's.
  for (const int64_t when : {8, 17}) {
    const std::string folder = make_test_folder();
    Recorder parts, fresh;
    SignallingLoader stopping(make_tiny_data(5), when);
    const absl::Status stopped = Trainer(parts, data, &stopping, options_for(folder)).run().status();
    EXPECT_EQ(stopped.code(), absl::StatusCode::kCancelled) << stopped;
    EXPECT_NE(stopped.message().find("SIGINT"), std::string::npos) << stopped;
    TrainOptions resume = options_for(folder);
    resume.resume = true;
    int64_t steps = 0;
    resume.on_step = [&](const StepReport&) { ++steps; };
    const auto resumed = Trainer(fresh, data, &data, resume).run();
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_EQ(steps, when == 8 ? 5 : 0) << "no epoch is trained twice";
    expect_same_state(*whole.model(), *fresh.model());
    EXPECT_EQ(resumed->best_epoch, expected->best_epoch);
    EXPECT_EQ(resumed->last->loss, expected->last->loss);
    EXPECT_EQ(metrics_of(folder).size(), 3u);
    EXPECT_EQ(read_file(folder + "/best.checkpoint").ok(), true);
  }
}

TEST(TrainerInterrupt, AfterTheLastEpochIsNotSwallowed) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.on_epoch = [](const EpochReport&) { raise(SIGINT); };
  EXPECT_EQ(Trainer(make_tiny_model(), data, nullptr, options).run().status().code(), absl::StatusCode::kCancelled);
}

// Draws from LibTorch's generator for each batch, as some data sets of torch::data do.
class DrawingLoader : public testing::TensorLoader {
 public:
  explicit DrawingLoader(testing::TensorLoader data) : TensorLoader(std::move(data)) {}
  absl::StatusOr<std::optional<data::Batch>> next() override {
    at::rand({3});
    return TensorLoader::next();
  }
};

TEST(TrainerResume, ALoaderThatDrawsRandomNumbersChangesNothing) {
  DrawingLoader data(make_tiny_data(5));
  Recorder whole, parts, fresh;
  TrainOptions options = quiet_options(2);
  ASSERT_TRUE(Trainer(whole, data, nullptr, options).run().ok());
  options.output_dir = make_test_folder();
  options.max_steps = 3;
  ASSERT_TRUE(Trainer(parts, data, nullptr, options).run().ok());
  options.max_steps = 0;
  options.resume = true;
  ASSERT_TRUE(Trainer(fresh, data, nullptr, options).run().ok());
  expect_same_state(*whole.model(), *fresh.model());
}

TEST(TrainerResume, AFreshStartTakesAwayTheCheckpointsOfAnEarlierTraining) {
  auto data = make_tiny_data();
  TrainOptions options = quiet_options(1);
  options.output_dir = make_test_folder();
  ASSERT_TRUE(Trainer(make_tiny_model(), data, &data, options).run().ok());
  ASSERT_TRUE(exists(options.output_dir + "/best.checkpoint"));
  auto broken = make_tiny_data();
  broken.batches()[0].inputs[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  const absl::Status status = Trainer(make_tiny_model(), broken, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_NE(status.message().find("There is no checkpoint from before"), std::string::npos) << status;
  EXPECT_FALSE(exists(options.output_dir + "/last.checkpoint"));
  EXPECT_FALSE(exists(options.output_dir + "/best.checkpoint"));
}

TEST(TrainerResume, ADamagedCheckpointIsPassedOverForTheOneBefore) {
  auto data = make_tiny_data(5);
  Recorder whole, parts, fresh;
  TrainOptions options = quiet_options(4);
  ASSERT_TRUE(Trainer(whole, data, &data, options).run().ok());
  options.output_dir = make_test_folder();
  options.checkpoint_every_steps = 2;
  options.max_steps = 13;
  ASSERT_TRUE(Trainer(parts, data, &data, options).run().ok());
  const std::string last = options.output_dir + "/last.checkpoint";
  ASSERT_EQ(load_checkpoint(last)->global_step, 13);
  const std::string bytes = read_file(last).value();
  ASSERT_TRUE(unlink(last.c_str()) == 0 && write_file_atomically(last, bytes.substr(0, bytes.size() - 7)).ok());
  options.max_steps = 0;
  options.resume = true;
  int64_t first_step = -1;
  options.on_step = [&](const StepReport& step) {
    if (first_step < 0) first_step = step.global_step;
  };
  ::testing::internal::CaptureStderr();
  const absl::Status status = Trainer(fresh, data, &data, options).run().status();
  const std::string log = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_NE(log.find("warning: " + last + " is truncated"), std::string::npos) << log;
  EXPECT_EQ(first_step, 12);
  expect_same_state(*whole.model(), *fresh.model());
  EXPECT_EQ(metrics_of(options.output_dir).size(), 4u);
}

TEST(TrainerResume, AnotherVersionOfTheFormatIsNoReasonToGoBack) {
  auto data = make_tiny_data(5);
  TrainOptions options = quiet_options(2);
  options.output_dir = make_test_folder();
  ASSERT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
  const std::string last = options.output_dir + "/last.checkpoint";
  std::string bytes = read_file(last).value();
  bytes[8] = 7;
  const uint64_t hash = fnv1a(std::string_view(bytes).substr(28), fnv1a(std::string_view(bytes).substr(0, 20)));
  for (size_t i = 0; i < 8; ++i) bytes[20 + i] = static_cast<char>(hash >> (8 * i));
  ASSERT_TRUE(write_file_atomically(last, bytes).ok());
  options.resume = true;
  const absl::Status status = Trainer(make_tiny_model(), data, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_NE(status.message().find("a newer version of the format, 7"), std::string::npos) << status;
}

TEST(TrainerResume, WhatTheTrainersPartMustNotHoldIsNamed) {
  auto data = make_tiny_data(5);
  TrainOptions options = quiet_options(2);
  options.output_dir = make_test_folder();
  options.max_steps = 5;
  ASSERT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
  const std::string last = options.output_dir + "/last.checkpoint";
  const Checkpoint whole = load_checkpoint(last).value();
  options.max_steps = 0;
  options.resume = true;
  const auto error_of = [&](const Checkpoint& checkpoint) {
    EXPECT_TRUE(save_checkpoint(checkpoint, last).ok());
    const absl::Status status = Trainer(make_tiny_model(), data, nullptr, options).run().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  const std::pair<const char*, nlohmann::json> wrong[] = {
      {"last_rate", "x"}, {"batch_norm_is_frozen", "x"}, {"epoch_has_ended", 1}, {"num_batches", "x"}, {"sums", "x"},
      {"sums", {1, "x"}}, {"best", {{"epoch", 1}}}};
  for (const auto& [key, value] : wrong) {
    Checkpoint checkpoint = whole;
    checkpoint.trainer[key] = value;
    EXPECT_EQ(error_of(checkpoint).find(last + ": trainer." + key + ": "), 0u) << error_of(checkpoint);
  }
  Checkpoint checkpoint = whole;
  checkpoint.trainer.erase("best");
  EXPECT_EQ(error_of(checkpoint), last + ": trainer.best: is missing");
  checkpoint.trainer = nullptr;
  EXPECT_EQ(error_of(checkpoint), last + ": trainer: expected an object, found null");
  // The first 24 bytes are the seed, left, whether it is seeded, and next.
  checkpoint = whole;
  checkpoint.random_state = whole.random_state.clone();
  const int32_t left = 624;
  const uint64_t next = 624;
  std::memcpy(static_cast<char*>(checkpoint.random_state.data_ptr()) + 8, &left, sizeof(left));
  std::memcpy(static_cast<char*>(checkpoint.random_state.data_ptr()) + 16, &next, sizeof(next));
  EXPECT_EQ(error_of(checkpoint).find(last + ": the random number generator: "), 0u) << error_of(checkpoint);
  ASSERT_TRUE(save_checkpoint(whole, last).ok());
  EXPECT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
}

// Goes on until the options' epochs are over, and takes its state for what it is to be.
class CarelessControl : public EpochControl {
 public:
  LearningRateCycle cycle() const override { return {.epochs = 2}; }
  absl::StatusOr<bool> judge(EpochReport&) override { return false; }
  absl::StatusOr<Next> advance() override { return Next::kGoOn; }
  bool is_finished() const override { return false; }
  nlohmann::json state() const override { return {{"patience", 3}}; }
  absl::Status set_state(const nlohmann::json& state) override {
    patience_ = state.at("patience").get<int>();
    return absl::OkStatus();
  }

 private:
  int patience_ = 0;
};

TEST(TrainerResume, AnExceptionOfTheControlIsAnError) {
  auto data = make_tiny_data(5);
  TrainOptions options = quiet_options(2);
  options.output_dir = make_test_folder();
  options.max_steps = 5;
  CarelessControl control;
  options.control = &control;
  ASSERT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
  const std::string last = options.output_dir + "/last.checkpoint";
  Checkpoint checkpoint = load_checkpoint(last).value();
  checkpoint.trainer["control"]["patience"] = "long";
  ASSERT_TRUE(save_checkpoint(checkpoint, last).ok());
  options.resume = true;
  const absl::Status status = Trainer(make_tiny_model(), data, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_NE(status.message().find("control"), std::string::npos) << status;
}

TEST(TrainerResume, WhatWasWrittenElsewhereIsGoneOnWithAndToldOf) {
  auto data = make_tiny_data(5);
  TrainOptions options = quiet_options(2);
  options.output_dir = make_test_folder();
  options.max_steps = 5;
  ASSERT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
  const std::string last = options.output_dir + "/last.checkpoint";
  Checkpoint checkpoint = load_checkpoint(last).value();
  EXPECT_EQ(checkpoint.made_by["device"], "cpu");
  checkpoint.made_by["libtorch"] = "9.9.9";
  ASSERT_TRUE(save_checkpoint(checkpoint, last).ok());
  options.max_steps = 0;
  options.resume = true;
  ::testing::internal::CaptureStderr();
  const absl::Status status = Trainer(make_tiny_model(), data, nullptr, options).run().status();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_NE(log.find("libtorch was \"9.9.9\""), std::string::npos) << log;
  EXPECT_NE(log.find("not promised"), std::string::npos) << log;
}

TEST(TrainerResume, UnfinishedFilesOfAKilledTrainingAreClearedAway) {
  auto data = make_tiny_data(5);
  TrainOptions options = quiet_options(1);
  options.output_dir = make_test_folder();
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  ASSERT_EQ(waitpid(dead, nullptr, 0), dead);
  const std::string left = absl::StrCat(options.output_dir, "/last.checkpoint.", dead, ".3.partial");
  ASSERT_TRUE(write_file_atomically(left, "half").ok());
  ASSERT_TRUE(Trainer(make_tiny_model(), data, nullptr, options).run().ok());
  EXPECT_FALSE(exists(left));
}

// Gives an error for every batch from number `at` of a pass on, as a disk that has been taken away.
class VanishingLoader : public testing::TensorLoader {
 public:
  VanishingLoader(testing::TensorLoader data, int64_t at) : TensorLoader(std::move(data)), at_(at) {}
  absl::Status start_epoch(int64_t epoch) override {
    given_ = 0;
    return TensorLoader::start_epoch(epoch);
  }
  absl::StatusOr<std::optional<data::Batch>> next() override {
    if (given_++ >= at_) return absl::NotFoundError("cannot read images/7.png: No such file or directory");
    return TensorLoader::next();
  }

 private:
  int64_t given_ = 0;
  int64_t at_;
};

TEST(TrainerResume, DataThatVanishStopTheTrainingWithItsStateSafe) {
  auto data = make_tiny_data(5);
  Recorder whole, parts, fresh;
  TrainOptions options = quiet_options(2);
  ASSERT_TRUE(Trainer(whole, data, nullptr, options).run().ok());
  options.output_dir = make_test_folder();
  VanishingLoader vanishing(make_tiny_data(5), 3);
  const absl::Status status = Trainer(parts, vanishing, nullptr, options).run().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("images/7.png"), std::string::npos) << status;
  EXPECT_NE(status.message().find("last.checkpoint holds it as it was after step 3"), std::string::npos) << status;
  // The data are back.
  options.resume = true;
  int64_t steps = 0;
  options.on_step = [&](const StepReport&) { ++steps; };
  ASSERT_TRUE(Trainer(fresh, data, nullptr, options).run().ok());
  EXPECT_EQ(steps, 7);
  expect_same_state(*whole.model(), *fresh.model());
}

}  // namespace
}  // namespace pare::training
