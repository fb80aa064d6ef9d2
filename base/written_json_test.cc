#include "base/written_json.h"

#include <gtest/gtest.h>

namespace pare {
namespace {

std::string nested(int levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(WrittenJson, IsParsed) {
  const auto json = parse_written_json(R"({"a": [1, {"b": null}]})", "a file");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->at("a").at(0), 1);
}

TEST(WrittenJson, HasALimitedDepth) {
  EXPECT_TRUE(parse_written_json(nested(kMaxWrittenJsonDepth), "a file").ok());
  for (const int levels : {kMaxWrittenJsonDepth + 1, 200'000}) {
    const absl::Status status = parse_written_json(nested(levels), "a file").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("a file is nested deeper than 250 levels"), std::string::npos) << status;
  }
  std::string objects;
  for (int i = 0; i <= kMaxWrittenJsonDepth; ++i) objects += R"({"a":)";
  EXPECT_FALSE(parse_written_json(objects + "1" + std::string(kMaxWrittenJsonDepth + 1, '}'), "a file").ok());
}

TEST(WrittenJson, WhatIsNoneSaysSo) {
  for (const char* text : {"", "{", "[1,]", "1 2", "// comment\n1"}) {
    const absl::Status status = parse_written_json(text, "a file").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message().find("a file is no JSON: "), 0u) << status;
  }
}

}  // namespace
}  // namespace pare
