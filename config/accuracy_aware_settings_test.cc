#include "config/accuracy_aware_settings.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<AccuracyAwareSettings> parse(const nlohmann::json& json) {
  return AccuracyAwareSettings::parse(json, "$.accuracy_aware_training");
}

std::string error_of(const nlohmann::json& params, const std::string& mode = "adaptive_compression_level") {
  const auto settings = parse({{"mode", mode}, {"params", params}});
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << params;
  return std::string(settings.status().message());
}

TEST(AccuracyAwareSettings, DefaultsAreNncfs) {
  const auto settings = parse({{"mode", "adaptive_compression_level"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->mode, AccuracyAwareMode::kAdaptiveCompressionLevel);
  EXPECT_EQ(settings->maximal_relative_degradation, 1.0);
  EXPECT_FALSE(settings->maximal_absolute_degradation.has_value());
  EXPECT_EQ(settings->maximal_total_epochs, 10000);
  EXPECT_EQ(settings->initial_training_phase_epochs, 5);
  EXPECT_EQ(settings->patience_epochs, 3);
  EXPECT_EQ(settings->initial_rate_step, 0.1);
  EXPECT_EQ(settings->minimal_rate_step, 0.025);
  EXPECT_EQ(settings->rate_step_reduction_factor, 0.5);
  EXPECT_EQ(settings->learning_rate_reduction_factor, 0.5);
}

TEST(AccuracyAwareSettings, ReadsWhatIsGivenAndWritesItBack) {
  const nlohmann::json params = {{"maximal_absolute_accuracy_degradation", 0.02},
                                 {"maximal_total_epochs", 40},
                                 {"initial_training_phase_epochs", 2},
                                 {"patience_epochs", 1},
                                 {"initial_compression_rate_step", 0.2},
                                 {"minimal_compression_rate_step", 0.01},
                                 {"compression_rate_step_reduction_factor", 0.25},
                                 {"lr_reduction_factor", 1.0}};
  const auto settings = parse({{"mode", "adaptive_compression_level"}, {"params", params}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->maximal_absolute_degradation, 0.02);
  EXPECT_EQ(settings->learning_rate_reduction_factor, 1.0);
  nlohmann::json expected = params;
  expected["mode"] = "adaptive_compression_level";
  EXPECT_EQ(to_json(*settings), expected);
}

TEST(AccuracyAwareSettings, RefusesAnUnknownModeAndAMissingOne) {
  EXPECT_THAT(
      parse({{"mode", "early"}}).status().message(),
      HasSubstr(
          "$.accuracy_aware_training.mode: expected one of early_exit, adaptive_compression_level, found \"early\""));
  EXPECT_THAT(parse(nlohmann::json::object()).status().message(),
              HasSubstr("$.accuracy_aware_training.mode: expected \"early_exit\" or \"adaptive_compression_level\", "
                        "found nothing"));
}

TEST(AccuracyAwareSettings, RefusesTwoBudgets) {
  EXPECT_THAT(error_of({{"maximal_absolute_accuracy_degradation", 0.1}, {"maximal_relative_accuracy_degradation", 1}}),
              HasSubstr("$.accuracy_aware_training.params.maximal_absolute_accuracy_degradation: the budget is given "
                        "twice; take out this key or \"maximal_relative_accuracy_degradation\""));
}

TEST(AccuracyAwareSettings, RefusesNumbersOutOfRange) {
  const struct {
    const char* key;
    double value;
    const char* expected;
  } cases[] = {{"maximal_relative_accuracy_degradation", -1, "of at least 0, found -1"},
               {"maximal_absolute_accuracy_degradation", -0.5, "of at least 0, found -0.5"},
               {"maximal_total_epochs", 0, "an integer of at least 1, found 0"},
               {"initial_training_phase_epochs", 0, "an integer of at least 1, found 0"},
               {"patience_epochs", 0, "an integer of at least 1, found 0"},
               {"initial_compression_rate_step", 1, "a number in (0, 1), found 1"},
               {"minimal_compression_rate_step", 0.2, "at most initial_compression_rate_step, 0.1, found 0.2"},
               {"minimal_compression_rate_step", 0, "above 0"},
               {"compression_rate_step_reduction_factor", 1, "would not end, found 1"},
               {"lr_reduction_factor", 1.5, "a number in (0, 1], found 1.5"}};
  for (const auto& each : cases) {
    const std::string message = error_of({{each.key, each.value}});
    EXPECT_THAT(message, HasSubstr(std::string("$.accuracy_aware_training.params.") + each.key + ": expected "));
    EXPECT_THAT(message, HasSubstr(each.expected));
  }
}

TEST(AccuracyAwareSettings, RefusesKeysOfTheOtherModeAndMisspelledOnes) {
  EXPECT_THAT(error_of({{"patience_epochs", 3}}, "early_exit"), HasSubstr("unknown key \"patience_epochs\""));
  EXPECT_THAT(error_of({{"patience_epoch", 3}}), HasSubstr("did you mean \"patience_epochs\"?"));
}

}  // namespace
}  // namespace pare
