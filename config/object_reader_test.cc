#include "config/object_reader.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

nlohmann::json parse(const char* text) { return nlohmann::json::parse(text); }

std::string message_of(const absl::Status& status) {
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(ObjectReader, ReadsEveryType) {
  const nlohmann::json json = parse(R"({"n": 0.5, "i": 3, "e": 1e2, "b": true, "s": "x", "c": "two", "one": "a",
      "many": ["a", "b"], "ns": [1, 2.5], "is": [1, 2], "o": {"k": 1}, "os": [{}, {}], "any": null})");
  ObjectReader reader(json, "$");
  EXPECT_EQ(reader.number("n", 0), 0.5);
  EXPECT_EQ(reader.integer("i", 0), 3);
  EXPECT_EQ(reader.integer("e", 0), 100);
  EXPECT_TRUE(reader.boolean("b", false));
  EXPECT_EQ(reader.string("s", ""), "x");
  EXPECT_EQ(reader.one_of("c", "one", {"one", "two"}), "two");
  EXPECT_THAT(reader.strings("one"), ElementsAre("a"));
  EXPECT_THAT(reader.strings("many"), ElementsAre("a", "b"));
  EXPECT_THAT(reader.numbers("ns", {}), ElementsAre(1, 2.5));
  EXPECT_THAT(reader.integers("is", {}), ElementsAre(1, 2));
  ASSERT_NE(reader.object("o"), nullptr);
  EXPECT_EQ(reader.object("o")->dump(), R"({"k":1})");
  const auto objects = reader.objects("os");
  ASSERT_EQ(objects.size(), 2);
  EXPECT_EQ(objects[1].second, "$.os[1]");
  EXPECT_EQ(reader.objects("o").at(0).second, "$.o");
  ASSERT_NE(reader.any("any"), nullptr);
  EXPECT_TRUE(reader.any("any")->is_null());
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.finish().ok()) << reader.finish();
}

TEST(ObjectReader, AbsentKeysGiveTheDefaults) {
  for (const bool null : {true, false}) {
    const nlohmann::json empty = nlohmann::json::object();
    ObjectReader reader(null ? nullptr : &empty, "$");
    EXPECT_EQ(reader.number("a", 0.25), 0.25);
    EXPECT_EQ(reader.integer("a", 7), 7);
    EXPECT_TRUE(reader.boolean("a", true));
    EXPECT_EQ(reader.string("a", "d"), "d");
    EXPECT_EQ(reader.one_of("a", "x", {"x"}), "x");
    EXPECT_THAT(reader.strings("a"), IsEmpty());
    EXPECT_THAT(reader.numbers("a", {1}), ElementsAre(1));
    EXPECT_THAT(reader.integers("a", {2}), ElementsAre(2));
    EXPECT_EQ(reader.optional_number("a"), std::nullopt);
    EXPECT_EQ(reader.optional_integer("a"), std::nullopt);
    EXPECT_EQ(reader.optional_boolean("a"), std::nullopt);
    EXPECT_EQ(reader.optional_string("a"), std::nullopt);
    EXPECT_EQ(reader.object("a"), nullptr);
    EXPECT_THAT(reader.objects("a"), IsEmpty());
    EXPECT_EQ(reader.any("a"), nullptr);
    EXPECT_FALSE(reader.has("a"));
    EXPECT_TRUE(reader.finish().ok());
  }
}

// Reads "k" of {"k": <value>} and gives the message.
template <typename Read>
std::string error(const char* value, Read read) {
  const nlohmann::json json = {{"k", parse(value)}};
  ObjectReader reader(json, "$.params");
  read(reader);
  EXPECT_FALSE(reader.ok());
  return message_of(reader.finish());
}

TEST(ObjectReader, WrongTypesSayWhereWhatAndInstead) {
  EXPECT_EQ(error("\"high\"", [](ObjectReader& r) { EXPECT_EQ(r.number("k", 0.9, {.min = 0}), 0.9); }),
            "$.params.k: expected a number of at least 0, found \"high\"");
  EXPECT_EQ(error("null", [](ObjectReader& r) { r.number("k", 0); }), "$.params.k: expected a number, found null");
  EXPECT_EQ(error("-1", [](ObjectReader& r) { EXPECT_EQ(r.number("k", 1, {.min = 0, .max = 1}), 1); }),
            "$.params.k: expected a number from 0 to 1, found -1");
  EXPECT_EQ(error("5", [](ObjectReader& r) { r.number("k", 1, {.max = 1}); }),
            "$.params.k: expected a number of at most 1, found 5");
  EXPECT_EQ(error("1.5", [](ObjectReader& r) { EXPECT_EQ(r.integer("k", 4), 4); }),
            "$.params.k: expected an integer, found 1.5");
  EXPECT_EQ(error("true", [](ObjectReader& r) { r.integer("k", 4); }), "$.params.k: expected an integer, found true");
  EXPECT_EQ(error("18446744073709551615", [](ObjectReader& r) { r.integer("k", 4); }),
            "$.params.k: expected an integer, found 18446744073709551615");
  EXPECT_EQ(error("1e300", [](ObjectReader& r) { r.integer("k", 4); }),
            "$.params.k: expected an integer, found 1e+300");
  EXPECT_EQ(error("1", [](ObjectReader& r) { r.boolean("k", true); }), "$.params.k: expected true or false, found 1");
  EXPECT_EQ(error("{}", [](ObjectReader& r) { r.string("k", ""); }), "$.params.k: expected a string, found an object");
  EXPECT_EQ(error("[1]", [](ObjectReader& r) { r.strings("k"); }), "$.params.k[0]: expected a string, found 1");
  EXPECT_EQ(error("1", [](ObjectReader& r) { r.strings("k"); }),
            "$.params.k: expected a string or a list of strings, found 1");
  EXPECT_EQ(error("[1, -2]", [](ObjectReader& r) { r.numbers("k", {}, {.min = 0}); }),
            "$.params.k[1]: expected a number of at least 0, found -2");
  EXPECT_EQ(error("1", [](ObjectReader& r) { r.numbers("k", {}); }), "$.params.k: expected a list of numbers, found 1");
  EXPECT_EQ(error("[1, 0.5]", [](ObjectReader& r) { r.integers("k", {}); }),
            "$.params.k[1]: expected an integer, found 0.5");
  EXPECT_EQ(error("{}", [](ObjectReader& r) { r.integers("k", {}); }),
            "$.params.k: expected a list of integers, found an object");
  EXPECT_EQ(error("[]", [](ObjectReader& r) { EXPECT_EQ(r.object("k"), nullptr); }),
            "$.params.k: expected an object, found a list");
  EXPECT_EQ(error("3", [](ObjectReader& r) { r.objects("k"); }),
            "$.params.k: expected an object or a list of objects, found 3");
  EXPECT_EQ(error("[{}, 3]", [](ObjectReader& r) { r.objects("k"); }), "$.params.k[1]: expected an object, found 3");
  EXPECT_EQ(error("\"mxed\"",
                  [](ObjectReader& r) {
                    r.one_of("k", "mixed", {"mixed", "performance"});
                  }),
            "$.params.k: expected one of mixed, performance, found \"mxed\"; did you mean \"mixed\"?");
}

TEST(ObjectReader, WhatIsNoObjectIsAnError) {
  const nlohmann::json list = nlohmann::json::array();
  ObjectReader reader(list, "$.compression");
  EXPECT_EQ(reader.number("a", 2), 2);
  EXPECT_EQ(message_of(reader.finish()), "$.compression: expected an object, found a list");
}

TEST(ObjectReader, UnknownKeysNameTheNearestKnownOne) {
  const nlohmann::json json = parse(R"({"powr": 1})");
  ObjectReader reader(json, "$.params");
  reader.number("power", 1);
  reader.boolean("concave", true);
  EXPECT_EQ(message_of(reader.finish()), "$.params: unknown key \"powr\"; did you mean \"power\"?");
}

TEST(ObjectReader, OnlyMisspellingsAreRefusedWhereOthersHaveKeys) {
  const auto finish = [](const char* text) {
    const nlohmann::json json = parse(text);
    ObjectReader reader(json, "$");
    reader.string("target_device", "");
    return message_of(reader.finish_refusing_misspellings());
  };
  EXPECT_EQ(finish(R"({"batch_size": 3})"), "");
  EXPECT_EQ(finish(R"({"targetDevice": 3})"), "$: unknown key \"targetDevice\"; did you mean \"target_device\"?");
  for (const char* other : {"logger", "loader", "lr_dir", "img_dir", "job_dir"}) {
    const nlohmann::json json = {{other, "x"}};
    ObjectReader reader(json, "$");
    reader.string("log_dir", "");
    EXPECT_TRUE(reader.finish_refusing_misspellings().ok()) << other;
  }
  const nlohmann::json near = {{"logdirs", "x"}};
  ObjectReader reader(near, "$");
  reader.string("log_dir", "");
  EXPECT_EQ(message_of(reader.finish_refusing_misspellings()), "$: unknown key \"logdirs\"; did you mean \"log_dir\"?");
  EXPECT_EQ(finish(R"({"target_divices": 3})"), "$: unknown key \"target_divices\"; did you mean \"target_device\"?");
}

TEST(ObjectReader, TheFirstMistakeStays) {
  const nlohmann::json json = parse(R"({"a": "x", "b": "y"})");
  ObjectReader reader(json, "$");
  reader.number("a", 0);
  reader.number("b", 0);
  reader.fail("b", "is wrong");
  EXPECT_EQ(message_of(reader.finish()), "$.a: expected a number, found \"x\"");
}

TEST(ObjectReader, ChecksOfTheCallers) {
  const nlohmann::json json = parse(R"({"a": 1})");
  ObjectReader reader(json, "$");
  reader.number("a", 0);
  reader.fail("a", "must be even");
  EXPECT_EQ(message_of(reader.finish()), "$.a: must be even");
}

TEST(ObjectReader, PathsQuoteUnusualKeys) {
  ObjectReader reader(nullptr, "$");
  EXPECT_EQ(reader.path_of("a_b"), "$.a_b");
  EXPECT_EQ(reader.path_of("a.b"), "$[\"a.b\"]");
  EXPECT_EQ(reader.path_of(""), "$[\"\"]");
}

}  // namespace
}  // namespace pare::config
