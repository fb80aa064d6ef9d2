#include "training/settings_difference.h"

#include <gtest/gtest.h>

namespace pare::training {
namespace {

using nlohmann::json;

TEST(SettingsDifference, EqualSettingsHaveNone) {
  EXPECT_EQ(settings_difference(json{{"a", {{"b", 1}}}}, json{{"a", {{"b", 1.0}}}}), "");
  EXPECT_EQ(settings_difference(nullptr, nullptr), "");
}

TEST(SettingsDifference, NamesTheKeyWithBothValues) {
  EXPECT_EQ(settings_difference({{"rate", {{"base", 0.1}, {"power", 1}}}}, {{"rate", {{"base", 0.2}, {"power", 1}}}}),
            "rate.base was 0.1 and is 0.2 now");
  EXPECT_EQ(settings_difference({{"mean", {0.5, 0.5}}, {"x", 1}}, {{"mean", {0.5}}, {"x", 1}}),
            "mean was [0.5,0.5] and is [0.5] now");
}

TEST(SettingsDifference, AMissingKeyIsNotSet) {
  EXPECT_EQ(settings_difference({{"a", 1}}, {{"b", "x"}}),
            "a was 1 and is not set now; b was not set and is \"x\" now");
  EXPECT_EQ(settings_difference(nullptr, {{"b", 1}}), "the config was null and is {\"b\":1} now");
}

TEST(SettingsDifference, ManyAndLongOnesAreCutShort) {
  json before = json::object(), now = json::object();
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) before[key] = 1;
  const std::string text = settings_difference(before, now);
  EXPECT_NE(text.find("; and 2 more"), std::string::npos) << text;
  EXPECT_LT(settings_difference({{"a", std::string(5000, 'x')}}, {{"a", "y"}}).size(), 200u);
}

}  // namespace
}  // namespace pare::training
