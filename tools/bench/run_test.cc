#include "tools/bench/run.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::tools::bench {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;

// One short measurement of each row of 16 KiB, on one thread.
Options quick_options(const std::string& backend) {
  return {.backends = {backend},
          .sizes = {16 << 10},
          .threads = {1},
          .repetitions = 1,
          .min_time = 1e-9,
          .caching_allocator = true,
          .output_dir = make_test_folder(),
          .command = "bench --quick"};
}

// What measuring writes, as JSON.
nlohmann::json measured(const Options& options) {
  const auto entries = plan(options);
  EXPECT_TRUE(entries.ok()) << entries.status();
  if (!entries.ok()) return {};
  std::ostringstream out, progress;
  const absl::Status status = measure(options, *entries, out, progress);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(*read_file(options.output_dir + "/bench.md"), out.str());
  const nlohmann::json json = nlohmann::json::parse(*read_file(options.output_dir + "/bench.json"));
  EXPECT_EQ(json["rows"].size() + json["without_figure"].size(), entries->size());
  return json;
}

std::string label_of(const nlohmann::json& row) {
  const std::string name = row["name"], variant = row["variant"];
  return variant.empty() ? name : name + ", " + variant;
}

std::set<std::string> labels_of(const nlohmann::json& rows) {
  std::set<std::string> labels;
  for (const nlohmann::json& row : rows) labels.insert(label_of(row));
  return labels;
}

// Every row has a figure, and all but yardsticks and times have one that it is held against.
void expect_figures(const nlohmann::json& json) {
  EXPECT_TRUE(json["without_figure"].empty()) << json["without_figure"];
  const std::set<std::string> labels = labels_of(json["rows"]);
  EXPECT_EQ(labels.size(), json["rows"].size()) << "two rows have one label";
  for (const nlohmann::json& row : json["rows"]) {
    const std::string name = row["name"];
    EXPECT_GT(row["seconds"], 0) << row;
    if (name == "copy" || name == "read" || row["bytes"] == 0) continue;
    ASSERT_TRUE(row.contains("against")) << row;
    EXPECT_GT(row["ratio"], 0) << row;
    EXPECT_TRUE(labels.count(row["against"])) << row;
    const std::string expected = name.compare(0, 4, "at::") == 0 ? "ops::" : "";
    if (!expected.empty()) {
      EXPECT_THAT(row["against"].get<std::string>(), StartsWith(expected)) << row;
    } else {
      EXPECT_THAT(row["against"].get<std::string>(), AnyOf(StartsWith("copy"), "read")) << row;
    }
  }
}

TEST(Bench, MeasuresEveryRowOfTheProcessor) {
  const nlohmann::json json = measured(quick_options("cpu"));
  EXPECT_EQ(json["machine"]["command"], "bench --quick");
  EXPECT_TRUE(json["machine"].contains("load_average"));
  expect_figures(json);
  EXPECT_THAT(
      labels_of(json["rows"]),
      IsSupersetOf({"copy, C library", "copy, streaming stores", "read",
                    "fake_quantize_backward, per channel, bfloat16", "min_max, per tensor, float16",
                    "selection, threshold over 60 tensors", "n_of_m_mask, 2:4 of a 3x3 convolution", "rb_mask_backward",
                    "pairwise_distances, of a 3x3 convolution", "quantize_to_codes, int8, per channel",
                    "dequantize_groups, MXFP4, groups of 32", "at::kthvalue, k-th value", "at::quantile, median"}));
}

// Of some kernels: a device of software takes long to compile all.
TEST(Bench, MeasuresRowsOfADevice) {
  Options options = quick_options("vulkan");
  options.filter = "fake_quantize_forward, per tensor|small kernels|apply_mask|min_max, per tensor$";
  if (const auto entries = plan(options); !entries.ok()) GTEST_SKIP() << entries.status();
  const nlohmann::json json = measured(options);
  expect_figures(json);
  EXPECT_THAT(json["rows"][0]["backend"].get<std::string>(), StartsWith("vulkan:"));
  EXPECT_NE(json["rows"][0]["device"], "");
  EXPECT_THAT(labels_of(json["rows"]), IsSupersetOf({"copy", "one of a thousand small kernels", "apply_mask"}));
  options.backends.push_back(json["rows"][0]["backend"]);
  EXPECT_THAT(std::string(plan(options).status().message()), HasSubstr("name each device once"));
}

TEST(Bench, AFilterKeepsWhatARowIsHeldAgainst) {
  Options options = quick_options("cpu");
  options.filter = "at::quantile";
  const nlohmann::json json = measured(options);
  expect_figures(json);
  EXPECT_EQ(labels_of(json["rows"]), (std::set<std::string>{"copy, C library", "copy, streaming stores", "read",
                                                            "ops::percentile, median", "at::quantile, median"}));
  options.filter = "no such kernel";
  EXPECT_EQ(plan(options).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Bench, SaysWhatItLeavesOut) {
  Options options = quick_options("cpu");
  options.sizes = {int64_t{256} << 20};
  options.filter = "at::kthvalue|at::quantile";
  auto entries = plan(options);
  ASSERT_TRUE(entries.ok()) << entries.status();
  // Of this size only what takes no time.
  std::erase_if(*entries, [](const Entry& entry) { return entry.row.left_out.empty(); });
  ASSERT_EQ(entries->size(), 2);
  std::ostringstream out, progress;
  EXPECT_TRUE(measure(options, *entries, out, progress).ok());
  EXPECT_THAT(out.str(), HasSubstr("- at::kthvalue, k-th value, 256 MiB: a call takes seconds\n"));
  EXPECT_THAT(out.str(), HasSubstr("- at::quantile, median, 256 MiB: LibTorch takes at most"));
}

TEST(Bench, ARowThatFailsLeavesTheOthers) {
  const Options options = quick_options("cpu");
  auto entries = plan(options);
  ASSERT_TRUE(entries.ok()) << entries.status();
  entries->resize(2);
  (*entries)[0].row.prepare = [] { return absl::ResourceExhaustedError("no memory"); };
  std::ostringstream out, progress;
  const absl::Status status = measure(options, *entries, out, progress);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 of 2 rows failed, one of them copy, C library: no memory"));
  EXPECT_THAT(out.str(), HasSubstr("- copy, C library, 16 KiB: failed: no memory\n"));
  const nlohmann::json json = nlohmann::json::parse(*read_file(options.output_dir + "/bench.json"));
  EXPECT_EQ(labels_of(json["rows"]), std::set<std::string>{"copy, streaming stores"});
}

TEST(Bench, ABadFolderIsToldBeforeAnythingIsMeasured) {
  Options options = quick_options("cpu");
  const std::string file = options.output_dir + "/file";
  std::ofstream(file) << "x";
  auto entries = plan(options);
  ASSERT_TRUE(entries.ok()) << entries.status();
  bool is_measured = false;
  entries->resize(1);
  entries->front().row.prepare = [&]() -> absl::Status {
    is_measured = true;
    return absl::InternalError("");
  };
  for (const std::string& folder : {file, file + "/below", options.output_dir + "/no/parent"}) {
    options.output_dir = folder;
    std::ostringstream out, progress;
    EXPECT_FALSE(measure(options, *entries, out, progress).ok()) << folder;
    EXPECT_EQ(out.str(), "");
  }
  EXPECT_FALSE(is_measured);
}

TEST(Bench, ABackendThatIsNotThereIsSaid) {
  EXPECT_EQ(plan(quick_options("kwick")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(plan(quick_options("cpu:0")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(plan(quick_options("vulkan:")).status().code(), absl::StatusCode::kInvalidArgument);
  Options twice = quick_options("cpu");
  twice.backends.push_back("cpu");
  EXPECT_THAT(std::string(plan(twice).status().message()), HasSubstr("name each device once"));
}

}  // namespace
}  // namespace pare::tools::bench
