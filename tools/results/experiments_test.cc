#include "tools/results/experiments.h"

#include <filesystem>

#include "base/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::vector<Experiment>> parse(const std::string& text) {
  const std::string path = (std::filesystem::path(std::string(::testing::TempDir())) / "experiments.json").string();
  EXPECT_TRUE(write_file_atomically(path, text).ok());
  return read_experiments(path);
}

TEST(Experiments, AreReadWithTheirDefaults) {
  const auto experiments = parse(R"({"experiments": [ // the first
      {"name": "a", "config": "a.json", "epochs": 3, "learning_rate": 0.1, "optimizer": "adam",
       "weight_decay": 0, "freeze_batch_norm": false},
      {"name": "b", "title": "B", "config": "b.json"}]})");
  ASSERT_TRUE(experiments.ok()) << experiments.status();
  ASSERT_EQ(experiments->size(), 2u);
  EXPECT_EQ((*experiments)[0].title, "a");
  EXPECT_EQ((*experiments)[0].epochs, 3);
  EXPECT_EQ((*experiments)[0].optimizer, "adam");
  EXPECT_EQ((*experiments)[0].config, (std::filesystem::path(std::string(::testing::TempDir())) / "a.json").string());
  EXPECT_EQ((*experiments)[0].weight_decay, 0);
  EXPECT_FALSE((*experiments)[0].freeze_batch_norm);
  EXPECT_TRUE((*experiments)[1].freeze_batch_norm);
  EXPECT_EQ((*experiments)[1].title, "B");
  EXPECT_EQ((*experiments)[1].epochs, 1);
}

TEST(Experiments, MistakesAreRefused) {
  EXPECT_THAT(parse("{").status().message(), HasSubstr("no JSON"));
  EXPECT_THAT(parse(R"({"experiments": []})").status().message(), HasSubstr("no experiments"));
  EXPECT_THAT(parse(R"({"experiments": [{"name": "a"}]})").status().message(), HasSubstr("config"));
  EXPECT_THAT(parse(R"({"experiments": [{"name": "a/b", "config": "c"}]})").status().message(), HasSubstr("name"));
  EXPECT_THAT(
      parse(R"({"experiments": [{"name": "a", "config": "c"}, {"name": "a", "config": "c"}]})").status().message(),
      HasSubstr("another"));
  EXPECT_THAT(parse(R"({"experiments": [{"name": "a", "config": "c", "epoch": 2}]})").status().message(),
              HasSubstr("epochs"));
}

TEST(Experiments, TheTableComparesWithTheOriginal) {
  const nlohmann::ordered_json results = {
      {"original", {{"top1", 0.9173}}},
      {"exported", {{"top1", 0.9150}}},
      {"seconds", 12.4},
      {"speed", {{"pare", {{"speedup", 1.254}}}, {"onnxruntime", {{"speedup", 1.5}}}}},
      {"statistics",
       {{"quantization", {{"bits", 8}}},
        {"rb_sparsity", {{"sparsified_layers_level", 0.501}}},
        {"filter_pruning", {{"flops_removed", 0.3127}}}}}};
  const std::string table =
      results_table({{{.name = "a", .title = "A and B", .epochs = 4}, results}, {{.title = "C"}, {}}});
  EXPECT_THAT(table, HasSubstr("| A and B | 91.50 | -0.23 | 50.1 | 31.3 |  | 1.25 | 1.50 | 4 | 12 |\n"));
  EXPECT_THAT(table, HasSubstr("| C |  |  |  |  |  |  |  | 1 |  |\n"));
}

// As a results.json that another program changed may have them.
TEST(Experiments, ResultsOfOtherTypesLeaveCellsEmpty) {
  const nlohmann::ordered_json results = {
      {"original", 3}, {"exported", {{"top1", "x"}}}, {"speed", 1}, {"statistics", "x"}, {"files", {{"model", 3}}}};
  EXPECT_THAT(results_table({{{.title = "A"}, results}}), HasSubstr("| A |  |  |  |  |  |  |  | 1 |  |\n"));
}

}  // namespace
}  // namespace pare::tools
