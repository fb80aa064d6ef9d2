#include "training/running_results.h"

#include <gtest/gtest.h>

namespace pare::training {
namespace {

TEST(EpochSums, MeansAreOverSamplesNotSteps) {
  EpochSums sums;
  sums.add({.loss = 3.0, .task_loss = 2.0, .compression_loss = 1.0}, 30);
  sums.add({.loss = 7.0, .task_loss = 4.0, .compression_loss = 3.0}, 10);
  EpochReport report;
  sums.fill(report);
  EXPECT_DOUBLE_EQ(report.loss, 4.0);
  EXPECT_DOUBLE_EQ(report.task_loss, 2.5);
  EXPECT_DOUBLE_EQ(report.compression_loss, 1.5);
  EXPECT_FALSE(report.train_top1.has_value());
  sums.classified = 40;
  sums.correct = 10;
  sums.fill(report);
  EXPECT_DOUBLE_EQ(report.train_top1.value(), 0.25);
}

TEST(EpochSums, GoThroughJsonExactly) {
  EpochSums sums{.samples = 7, .classified = 6, .correct = 5, .loss = 0.1 + 0.2, .task_loss = 1.0 / 3.0};
  sums.compression_loss = 1e-300;
  sums.seconds = 2.5;
  sums.data_seconds = 0.5;
  const auto back = nlohmann::json::parse(nlohmann::json(sums).dump()).get<EpochSums>();
  EXPECT_EQ(back.samples, 7);
  EXPECT_EQ(back.classified, 6);
  EXPECT_EQ(back.correct, 5);
  EXPECT_EQ(back.loss, sums.loss);
  EXPECT_EQ(back.task_loss, sums.task_loss);
  EXPECT_EQ(back.compression_loss, 1e-300);
  EXPECT_EQ(back.seconds, 2.5);
  EXPECT_EQ(back.data_seconds, 0.5);
  EXPECT_ANY_THROW(nlohmann::json::parse("[1, 2]").get<EpochSums>());
}

TEST(BestEpoch, AFurtherStageBeatsAnyAccuracy) {
  BestEpoch best;
  EXPECT_TRUE(best.is_beaten_by(CompressionStage::kUncompressed, {0, 10, 5.0})) << "anything beats nothing";
  best = {0, CompressionStage::kPartiallyCompressed, {9, 10, 0.1}};
  EXPECT_TRUE(best.is_beaten_by(CompressionStage::kFullyCompressed, {5, 10, 1.0}));
  EXPECT_FALSE(best.is_beaten_by(CompressionStage::kUncompressed, {10, 10, 0.0}));
  EXPECT_TRUE(best.is_beaten_by(CompressionStage::kPartiallyCompressed, {10, 10, 0.0}));
  EXPECT_FALSE(best.is_beaten_by(CompressionStage::kPartiallyCompressed, {9, 10, 0.0})) << "of equals the first stays";
}

TEST(BestEpoch, GoesThroughJson) {
  const BestEpoch best{3, CompressionStage::kFullyCompressed, {9173, 10000, 0.25}};
  const auto back = nlohmann::json(best).get<BestEpoch>();
  EXPECT_EQ(back.epoch, 3);
  EXPECT_EQ(back.stage, CompressionStage::kFullyCompressed);
  EXPECT_EQ(back.result.to_string(), "top1 0.9173 (9173/10000)");
  EXPECT_EQ(back.result.loss, 0.25);
}

}  // namespace
}  // namespace pare::training
