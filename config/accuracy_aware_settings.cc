#include "config/accuracy_aware_settings.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "config/object_reader.h"

namespace pare {
namespace {

constexpr char kEarlyExit[] = "early_exit";
constexpr char kAdaptive[] = "adaptive_compression_level";
constexpr char kRelative[] = "maximal_relative_accuracy_degradation";
constexpr char kAbsolute[] = "maximal_absolute_accuracy_degradation";
constexpr char kTotalEpochs[] = "maximal_total_epochs";
constexpr char kInitialEpochs[] = "initial_training_phase_epochs";
constexpr char kPatience[] = "patience_epochs";
constexpr char kStep[] = "initial_compression_rate_step";
constexpr char kMinimalStep[] = "minimal_compression_rate_step";
constexpr char kStepFactor[] = "compression_rate_step_reduction_factor";
constexpr char kLearningRateFactor[] = "lr_reduction_factor";

}  // namespace

std::string to_string(AccuracyAwareMode mode) { return mode == AccuracyAwareMode::kEarlyExit ? kEarlyExit : kAdaptive; }

absl::StatusOr<AccuracyAwareSettings> AccuracyAwareSettings::parse(const nlohmann::json& json,
                                                                   const std::string& path) {
  config::ObjectReader reader(json, path);
  AccuracyAwareSettings settings;
  const std::string mode = reader.one_of("mode", "", {kEarlyExit, kAdaptive});
  if (!reader.has("mode")) {
    reader.fail("mode", absl::StrCat("expected \"", kEarlyExit, "\" or \"", kAdaptive, "\", found nothing"));
  }
  config::ObjectReader params(reader.object("params"), reader.path_of("params"));
  PARE_RETURN_IF_ERROR(reader.finish());

  settings.maximal_absolute_degradation = params.optional_number(kAbsolute);
  if (settings.maximal_absolute_degradation && params.has(kRelative)) {
    params.fail(kAbsolute, absl::StrCat("the budget is given twice; take out this key or \"", kRelative, "\""));
  }
  settings.maximal_relative_degradation = params.number(kRelative, settings.maximal_relative_degradation);
  settings.maximal_total_epochs = params.integer(kTotalEpochs, settings.maximal_total_epochs);
  if (mode == kAdaptive) {
    settings.mode = AccuracyAwareMode::kAdaptiveCompressionLevel;
    settings.initial_training_phase_epochs = params.integer(kInitialEpochs, settings.initial_training_phase_epochs);
    settings.patience_epochs = params.integer(kPatience, settings.patience_epochs);
    settings.initial_rate_step = params.number(kStep, settings.initial_rate_step);
    settings.minimal_rate_step = params.number(kMinimalStep, settings.minimal_rate_step);
    settings.rate_step_reduction_factor = params.number(kStepFactor, settings.rate_step_reduction_factor);
    settings.learning_rate_reduction_factor =
        params.number(kLearningRateFactor, settings.learning_rate_reduction_factor);
  }
  PARE_RETURN_IF_ERROR(params.finish());
  PARE_RETURN_IF_ERROR(check_accuracy_aware_settings(settings, params.path()));
  return settings;
}

absl::Status check_accuracy_aware_settings(const AccuracyAwareSettings& settings, const std::string& path) {
  absl::Status status;
  // Conditions are written so that a NaN fails them.
  const auto check = [&](bool is_fine, const char* key, double value, absl::string_view expected) {
    if (is_fine || !status.ok()) return;
    status = absl::InvalidArgumentError(absl::StrCat(path, ".", key, ": expected ", expected, ", found ", value));
  };
  constexpr char kAtLeastOne[] = "an integer of at least 1";
  const double relative = settings.maximal_relative_degradation;
  check(relative >= 0 && std::isfinite(relative), kRelative, relative, "a number of percent of at least 0");
  const double absolute = settings.maximal_absolute_degradation.value_or(0.0);
  check(absolute >= 0 && std::isfinite(absolute), kAbsolute, absolute, "a number of at least 0");
  const auto epochs = [&](const char* key, int64_t value) {
    check(value >= 1, key, static_cast<double>(value), kAtLeastOne);
  };
  epochs(kTotalEpochs, settings.maximal_total_epochs);
  epochs(kInitialEpochs, settings.initial_training_phase_epochs);
  epochs(kPatience, settings.patience_epochs);
  const double step = settings.initial_rate_step;
  check(step > 0 && step < 1, kStep, step, "a number in (0, 1)");
  check(settings.minimal_rate_step > 0 && settings.minimal_rate_step <= step, kMinimalStep, settings.minimal_rate_step,
        absl::StrCat("a number above 0 and at most ", kStep, ", ", step));
  check(settings.rate_step_reduction_factor > 0 && settings.rate_step_reduction_factor < 1, kStepFactor,
        settings.rate_step_reduction_factor, "a number in (0, 1): otherwise the search would not end");
  check(settings.learning_rate_reduction_factor > 0 && settings.learning_rate_reduction_factor <= 1,
        kLearningRateFactor, settings.learning_rate_reduction_factor, "a number in (0, 1]");
  return status;
}

nlohmann::json to_json(const AccuracyAwareSettings& settings) {
  nlohmann::json json = {{"mode", to_string(settings.mode)}, {kTotalEpochs, settings.maximal_total_epochs}};
  if (settings.maximal_absolute_degradation) {
    json[kAbsolute] = *settings.maximal_absolute_degradation;
  } else {
    json[kRelative] = settings.maximal_relative_degradation;
  }
  if (settings.mode == AccuracyAwareMode::kEarlyExit) return json;
  json[kInitialEpochs] = settings.initial_training_phase_epochs;
  json[kPatience] = settings.patience_epochs;
  json[kStep] = settings.initial_rate_step;
  json[kMinimalStep] = settings.minimal_rate_step;
  json[kStepFactor] = settings.rate_step_reduction_factor;
  json[kLearningRateFactor] = settings.learning_rate_reduction_factor;
  return json;
}

}  // namespace pare
