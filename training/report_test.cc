#include "training/report.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "training/testing.h"

namespace pare::training {
namespace {

TEST(ToJson, HoldsWhatThereIs) {
  EpochReport report{.epoch = 2, .steps = 30, .loss = 1.5, .learning_rate = 0.1};
  report.stage = CompressionStage::kFullyCompressed;
  const auto bare = to_json(report, Statistics());
  EXPECT_EQ(bare.at("epoch"), 2);
  EXPECT_EQ(bare.at("stage"), "FULLY_COMPRESSED");
  for (const char* absent : {"top1", "train_top1", "statistics"}) EXPECT_FALSE(bare.contains(absent)) << absent;

  report.evaluation = EvaluationResult{9, 10, 0.5};
  report.train_top1 = 0.75;
  Statistics statistics;
  statistics.set("bits", 8);
  const auto full = to_json(report, statistics);
  EXPECT_EQ(full.at("top1"), 0.9);
  EXPECT_EQ(full.at("correct"), 9);
  EXPECT_EQ(full.at("eval_loss"), 0.5);
  EXPECT_EQ(full.at("train_top1"), 0.75);
  EXPECT_EQ(full.at("statistics").at("bits"), 8);
}

TEST(KeepEpochsBefore, DropsLaterAndBrokenLines) {
  const std::string path = make_test_folder() + "/metrics.jsonl";
  EXPECT_TRUE(keep_epochs_before(path, 1).ok()) << "no file is fine";
  ASSERT_TRUE(write_file_atomically(path, "{\"epoch\":0}\n{\"epoch\":1,\"x\":2}\n{\"epoch\":2}\n{\"epo").ok());
  ASSERT_TRUE(keep_epochs_before(path, 2).ok());
  EXPECT_EQ(read_file(path).value(), "{\"epoch\":0}\n{\"epoch\":1,\"x\":2}\n");
  ASSERT_TRUE(keep_epochs_before(path, 0).ok());
  EXPECT_EQ(read_file(path).value(), "");
}

}  // namespace
}  // namespace pare::training
