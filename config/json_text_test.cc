#include "config/json_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(const std::string& text) {
  const absl::StatusOr<nlohmann::json> json = parse_json(text, "a.json");
  EXPECT_FALSE(json.ok()) << text;
  EXPECT_EQ(json.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(json.status().message());
}

TEST(JsonText, CommentsAreLeftOut) {
  const absl::StatusOr<nlohmann::json> json = parse_json("{ // one\n \"a\": /* two */ 1, \"url\": \"//x\" }", "a.json");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->dump(), R"({"a":1,"url":"//x"})");
}

TEST(JsonText, TrailingCommasAreLeftOut) {
  const auto read = [](const std::string& text) {
    const absl::StatusOr<nlohmann::json> json = parse_json(text, "a.json");
    EXPECT_TRUE(json.ok()) << json.status();
    return json.ok() ? json->dump() : "";
  };
  EXPECT_EQ(read("[1, 2,]"), "[1,2]");
  EXPECT_EQ(read("{\"a\": [{\"b\": 1 , /* , */ }, // ,]\n ],\n}"), R"({"a":[{"b":1}]})");
  EXPECT_EQ(read(R"({"a,]": ",}", "b": "\\\",]",})"), R"({"a,]":",}","b":"\\\",]"})") << "not within strings";
  for (const char* text : {"[,]", "{,}", "[1,,]", "[1,,2]", "{\"a\":,}", "[1],", ","}) error_of(text);
  EXPECT_THAT(error_of("{\n  \"a\": [1,],\n  b: 2\n}"), StartsWith("a.json:3:3: syntax error"));
  EXPECT_THAT(error_of("[1, \"a,"), StartsWith("a.json:1:"));
  EXPECT_THAT(error_of("[1, /* ,]"), StartsWith("a.json:1:"));
}

TEST(JsonText, MistakesCarryFileLineAndColumn) {
  EXPECT_THAT(error_of("{\n  \"a\": 1,\n  b: 2\n}"), StartsWith("a.json:3:3: syntax error"));
  EXPECT_THAT(error_of("{\"a\": 1"), StartsWith("a.json:1:7: syntax error"));
  EXPECT_THAT(error_of("{\"a\": 1} x"), StartsWith("a.json:1:10: syntax error"));
  EXPECT_THAT(error_of("x"), StartsWith("a.json:1:1: syntax error"));
  EXPECT_THAT(error_of("{\"a\": \"\xFF\"}"), HasSubstr("UTF-8"));
}

TEST(JsonText, NothingIsNoJson) {
  EXPECT_EQ(error_of(""), "a.json:1:1: expected JSON, found nothing");
  EXPECT_EQ(error_of(" \n "), "a.json:1:1: expected JSON, found nothing");
}

TEST(JsonText, AKeyStandsOnce) {
  EXPECT_THAT(error_of("{\"a\": 1,\n \"a\": 2}"), StartsWith("a.json:2:"));
  EXPECT_THAT(error_of("{\"a\": 1,\n \"a\": 2}"), HasSubstr("the key \"a\" stands twice"));
  EXPECT_TRUE(parse_json(R"([{"a": {"a": 1}}, {"a": 2}])", "a.json").ok());
}

TEST(JsonText, DepthIsLimited) {
  EXPECT_TRUE(parse_json(std::string(100, '[') + std::string(100, ']'), "a.json").ok());
  EXPECT_THAT(error_of(std::string(101, '[') + std::string(101, ']')), HasSubstr("nested deeper than 100"));
  EXPECT_THAT(error_of(std::string(10'000'000, '[')), HasSubstr("nested deeper than 100"));
}

TEST(JsonText, NumbersBeyondDoubleAreRefused) {
  EXPECT_THAT(error_of("{\n\"a\": 1e999}"), StartsWith("a.json:2:"));
  EXPECT_THAT(error_of("{\n\"a\": 1e999}"), HasSubstr("number overflow"));
}

}  // namespace
}  // namespace pare::config
