#include "tools/train/before_training.h"

#include <gtest/gtest.h>

namespace pare::tools {
namespace {

TEST(BeforeTraining, ComesBackWhole) {
  const nlohmann::ordered_json before = {
      {"original", {{"top1", 0.9}, {"correct", 9}, {"total", 10}, {"loss", nullptr}}},
      {"initialized", {{"top1", 0.5}, {"correct", 5}, {"total", 10}, {"loss", 1.5}}}};
  EXPECT_EQ(read_before_training(before.dump(1) + "\n"), before);
}

TEST(BeforeTraining, WhatIsNoEvaluationIsLeftOut) {
  const char* const texts[] = {
      "",
      "{",
      "[1]",
      "{}",
      R"({"original": "x"})",
      R"({"original": {"top1": 0.9}})",
      R"({"original": {"top1": "x", "correct": 9, "total": 10}})",
      R"({"initialized": {"top1": 0.9, "correct": "x", "total": 10}})",
      R"({"initialized": {"top1": 0.9, "correct": 9, "total": 1.5}})",
      R"({"peak_memory_bytes": "x", "files": {"model": 1}})",
  };
  for (const char* text : texts) EXPECT_EQ(read_before_training(text), nlohmann::ordered_json::object()) << text;
  const auto mixed = read_before_training(
      R"({"original": 1, "initialized": {"top1": 0.9, "correct": 9, "total": 10, "loss": "x", "more": [[]]}})");
  EXPECT_EQ(mixed.dump(), R"({"initialized":{"top1":0.9,"correct":9,"total":10}})");
}

}  // namespace
}  // namespace pare::tools
