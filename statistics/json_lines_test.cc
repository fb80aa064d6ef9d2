#include "statistics/json_lines.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"

namespace pare {
namespace {

std::string fresh_path(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/" + name;
  std::filesystem::remove_all(path);
  return path;
}

std::string content_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(JsonLines, AppendsALineAtATimeThatIsThereAtOnce) {
  const std::string path = fresh_path("append.jsonl");
  absl::StatusOr<JsonLines> lines = JsonLines::open(path);
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(lines->path(), path);
  ASSERT_TRUE(lines->append({{"epoch", 0}, {"text", "a\nb"}}).ok());
  EXPECT_EQ(content_of(path), "{\"epoch\":0,\"text\":\"a\\nb\"}\n");
  Statistics statistics;
  statistics.child("a").set("b", 1.5);
  ASSERT_TRUE(lines->append(statistics).ok());
  EXPECT_EQ(content_of(path), "{\"epoch\":0,\"text\":\"a\\nb\"}\n{\"a\":{\"b\":1.5}}\n");
}

TEST(JsonLines, ContinuesAFileAndEndsAnUnfinishedLine) {
  const std::string path = fresh_path("continue.jsonl");
  std::ofstream(path) << "{\"a\":1}\n{\"b\"";
  absl::StatusOr<JsonLines> lines = JsonLines::open(path);
  ASSERT_TRUE(lines.ok());
  JsonLines moved = *std::move(lines);
  ASSERT_TRUE(moved.append({{"c", 3}}).ok());
  EXPECT_EQ(content_of(path), "{\"a\":1}\n{\"b\"\n{\"c\":3}\n");
}

TEST(JsonLines, WhatIsNoObjectIsRefused) {
  const std::string path = fresh_path("refuse.jsonl");
  absl::StatusOr<JsonLines> lines = JsonLines::open(path);
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(lines->append(nlohmann::ordered_json(3)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(content_of(path), "");
}

TEST(JsonLines, WrongBytesAreReplaced) {
  const std::string path = fresh_path("bytes.jsonl");
  absl::StatusOr<JsonLines> lines = JsonLines::open(path);
  ASSERT_TRUE(lines->append({{"name", "a\xFF"}}).ok());
  EXPECT_EQ(content_of(path), "{\"name\":\"a\xEF\xBF\xBD\"}\n");
}

TEST(JsonLines, WhatCannotBeWrittenIsSaid) {
  EXPECT_EQ(JsonLines::open(fresh_path("none") + "/a.jsonl").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(JsonLines::open(::testing::TempDir()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(JsonLines::open("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(JsonLines, AFullDiskIsSaid) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full on this system";
  absl::StatusOr<JsonLines> lines = JsonLines::open("/dev/full");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(lines->append({{"a", 1}}).code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace pare
