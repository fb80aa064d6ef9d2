// config/accuracy_aware_settings.h: the config's "accuracy_aware_training": how much accuracy a compression may cost,
// and what training is to do about it. training/accuracy_aware.h does it.
//
//   {"accuracy_aware_training": {
//      "mode": "adaptive_compression_level",
//      "params": {"maximal_relative_accuracy_degradation": 1.0, "initial_training_phase_epochs": 5,
//                 "patience_epochs": 3}}}
//
//   mode    early_exit                    trains until the model is compressed in full and within the budget
//           adaptive_compression_level    looks for the greatest compression rate whose accuracy is in the budget
//   params  maximal_relative_accuracy_degradation (1.0)   percent of the uncompressed model's accuracy, >= 0
//           maximal_absolute_accuracy_degradation         instead of it, in the metric's own unit, >= 0
//           maximal_total_epochs (10000)                  >= 1
// and with adaptive_compression_level alone
//           initial_training_phase_epochs (5)             at the method's own schedule, >= 1
//           patience_epochs (3)                           on each rate, >= 1
//           initial_compression_rate_step (0.1)           in (0, 1)
//           minimal_compression_rate_step (0.025)         in (0, initial_compression_rate_step]
//           compression_rate_step_reduction_factor (0.5)  in (0, 1)
//           lr_reduction_factor (0.5)                     in (0, 1]
// The keys and defaults are NNCF's. Every mistake is InvalidArgument with the JSON path and what was expected.

#ifndef PARE_CONFIG_ACCURACY_AWARE_SETTINGS_H_
#define PARE_CONFIG_ACCURACY_AWARE_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace pare {

enum class AccuracyAwareMode { kEarlyExit, kAdaptiveCompressionLevel };
std::string to_string(AccuracyAwareMode mode);  // as in the config

struct AccuracyAwareSettings {
  AccuracyAwareMode mode = AccuracyAwareMode::kEarlyExit;
  // The budget: the absolute one where it is set.
  double maximal_relative_degradation = 1.0;  // percent
  std::optional<double> maximal_absolute_degradation;
  int64_t maximal_total_epochs = 10000;

  // Of kAdaptiveCompressionLevel.
  int64_t initial_training_phase_epochs = 5;
  int64_t patience_epochs = 3;
  double initial_rate_step = 0.1;
  double minimal_rate_step = 0.025;
  double rate_step_reduction_factor = 0.5;
  double learning_rate_reduction_factor = 0.5;

  // `path` is where the object stands, for messages: "$.accuracy_aware_training".
  static absl::StatusOr<AccuracyAwareSettings> parse(const nlohmann::json& json, const std::string& path);
};

// The ranges above, for settings that no config has been read for: parse() calls it. `path` goes before the key.
absl::Status check_accuracy_aware_settings(const AccuracyAwareSettings& settings, const std::string& path);

// In the config's words: a training is resumed only with the same.
nlohmann::json to_json(const AccuracyAwareSettings& settings);

}  // namespace pare

#endif  // PARE_CONFIG_ACCURACY_AWARE_SETTINGS_H_
