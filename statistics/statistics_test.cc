#include "statistics/statistics.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace pare {
namespace {

Statistics example() {
  Statistics statistics;
  statistics.set("rate", 3.97);
  statistics.set("epochs", 12);
  Statistics& quantization = statistics.child("quantization");
  quantization.set("enabled", true);
  quantization.set("mode", "symmetric");
  Table& table = quantization.table("layers", {"name", "bits", "share"});
  table.add_row({"conv1", 8, 0.25});
  table.add_row({std::string("layer1.0.conv1"), size_t{4}, 0.125f});
  return statistics;
}

TEST(Statistics, TextIsAlignedAndIndented) {
  EXPECT_EQ(example().to_text(),
            "rate    3.97\n"
            "epochs  12\n"
            "quantization\n"
            "  enabled  true\n"
            "  mode     symmetric\n"
            "  layers\n"
            "    name            bits  share\n"
            "    --------------  ----  -----\n"
            "    conv1              8   0.25\n"
            "    layer1.0.conv1     4  0.125\n");
}

TEST(Statistics, JsonKeepsTheOrderAndTheTypes) {
  EXPECT_EQ(example().to_json().dump(),
            R"({"rate":3.97,"epochs":12,"quantization":{"enabled":true,"mode":"symmetric","layers":[)"
            R"({"name":"conv1","bits":8,"share":0.25},{"name":"layer1.0.conv1","bits":4,"share":0.125}]}})");
}

TEST(Statistics, NoNumberIsNullInJson) {
  Statistics statistics;
  statistics.set("a", std::nan(""));
  statistics.set("b", -std::numeric_limits<double>::infinity());
  EXPECT_EQ(statistics.to_json().dump(), R"({"a":null,"b":null})");
  EXPECT_EQ(statistics.to_text(), "a  nan\nb  -inf\n");
}

TEST(Statistics, FindsByPathEvenThroughNamesWithDots) {
  Statistics statistics = example();
  statistics.child("layer1.0.conv1").set("bits", 4);
  ASSERT_NE(statistics.find("quantization.mode"), nullptr);
  EXPECT_EQ(std::get<std::string>(*statistics.find("quantization.mode")), "symmetric");
  EXPECT_EQ(std::get<int64_t>(*statistics.find("layer1.0.conv1.bits")), 4);
  EXPECT_EQ(statistics.find("quantization"), nullptr) << "a child is no value";
  EXPECT_EQ(statistics.find("quantization.layers"), nullptr) << "a table is no value";
  EXPECT_EQ(statistics.find("quantization."), nullptr);
  EXPECT_EQ(statistics.find("none"), nullptr);
  ASSERT_NE(statistics.find_table("quantization.layers"), nullptr);
  EXPECT_EQ(statistics.find_table("quantization.layers")->rows().size(), 2);
  EXPECT_EQ(statistics.find_table("rate"), nullptr);
}

TEST(Statistics, SettingAgainReplacesInPlace) {
  Statistics statistics = example();
  statistics.set("rate", "high");
  EXPECT_EQ(statistics.to_json().begin().key(), "rate");
  statistics.set("quantization", 1);
  EXPECT_EQ(statistics.to_json().dump(), R"({"rate":"high","epochs":12,"quantization":1})");
  statistics.child("quantization").set("bits", 8);
  EXPECT_EQ(statistics.to_json().dump(), R"({"rate":"high","epochs":12,"quantization":{"bits":8}})");
}

TEST(Statistics, ReferencesOutliveFurtherEntries) {
  Statistics statistics;
  Statistics& child = statistics.child("child");
  Table& table = statistics.table("table", {"i"});
  for (int i = 0; i < 100; ++i) statistics.set(std::to_string(i), i);
  child.set("a", 1);
  table.add_row({1});
  EXPECT_NE(statistics.find("child.a"), nullptr);
  EXPECT_EQ(statistics.find_table("table")->rows().size(), 1);
}

TEST(Statistics, MergeJoinsChildrenAndReplacesTheRest) {
  Statistics statistics = example();
  Statistics other;
  other.set("rate", 2);
  other.child("quantization").set("bits", 8);
  other.child("sparsity").set("level", 0.5);
  statistics.merge(other);
  EXPECT_EQ(std::get<int64_t>(*statistics.find("rate")), 2);
  EXPECT_EQ(std::get<std::string>(*statistics.find("quantization.mode")), "symmetric");
  EXPECT_EQ(std::get<int64_t>(*statistics.find("quantization.bits")), 8);
  EXPECT_EQ(std::get<double>(*statistics.find("sparsity.level")), 0.5);
  const std::string text = statistics.to_text();
  statistics.merge(statistics);
  EXPECT_EQ(statistics.to_text(), text);
}

TEST(Statistics, ACopyIsDeep) {
  Statistics statistics = example();
  Statistics copy = statistics;
  copy.child("quantization").set("mode", "asymmetric");
  EXPECT_EQ(std::get<std::string>(*statistics.find("quantization.mode")), "symmetric");
  statistics = copy;
  EXPECT_EQ(std::get<std::string>(*statistics.find("quantization.mode")), "asymmetric");
  EXPECT_FALSE(statistics.empty());
  EXPECT_TRUE(Statistics().empty());
  EXPECT_EQ(Statistics().to_text(), "");
  EXPECT_EQ(Statistics().to_json().dump(), "{}");
}

TEST(Table, RowsAreFittedToTheColumns) {
  Table table({"a", "b"});
  table.add_row({1});
  table.add_row({1, 2, 3});
  EXPECT_EQ(table.to_json().dump(), R"([{"a":1,"b":""},{"a":1,"b":2}])");
  EXPECT_EQ(table.to_text(), "a  b\n-  -\n1\n1  2\n");
}

TEST(Table, AColumnOfWordsIsToTheLeftAndUtf8CountsAsCharacters) {
  Table table({"name", "n"});
  table.add_row({"größe", 10});
  table.add_row({"x", 5});
  EXPECT_EQ(table.to_text(), "name    n\n-----  --\ngröße  10\nx       5\n");
  EXPECT_EQ(Table({"a"}).to_text(), "a\n-\n");
}

}  // namespace
}  // namespace pare
