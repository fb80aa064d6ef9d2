// config/compression_config.h: the config of a compression: NNCF's JSON, read unchanged, with Pare's own keys beside
// them.
//
//   PARE_ASSIGN_OR_RETURN(CompressionConfig config, CompressionConfig::load("resnet20_int8.json"));
//   for (const AlgorithmConfig& algorithm : config.algorithms) std::cout << algorithm.name << "\n";
//
//   {
//     "input_info": {"sample_size": [1, 3, 32, 32]},
//     "compression": {"algorithm": "quantization", "preset": "mixed", "initializer": {"range": {"num_init_samples":
//     300}}}
//   }
//
// The root's keys: input_info, compression, target_device, ignored_scopes, target_scopes, validate_scopes,
// compression_lr_multiplier, accuracy_aware_training (config/accuracy_aware_settings.h), log_dir (read, and a logged
// line says that it has no effect), disable_shape_matching (read and without effect: shapes are always free), and
// Pare's own: backend. The scripts that configs are written for keep keys of their own at the root (model, dataset,
// batch_size, epochs, optimizer, ...), so others are let pass, unless one looks like a misspelling of a key above (an
// edit away for each four of its characters, two at most, or different in case and underscores alone).
//
// The file may hold // and /* */ comments and trailing commas. What stands at the root here is read by this class; what
// stands in an algorithm's object is read by the algorithm through config/object_reader.h, so that another repository's
// method has keys of its own. Every mistake is InvalidArgument with the JSON path, what was expected, and the nearest
// right key.

#ifndef PARE_CONFIG_COMPRESSION_CONFIG_H_
#define PARE_CONFIG_COMPRESSION_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/accuracy_aware_settings.h"
#include "config/object_reader.h"
#include "nlohmann/json.hpp"

namespace pare {

struct InputInfo {
  std::vector<int64_t> sample_size;  // batch first
  std::string type = "float";        // float | long
  std::string filler = "random";     // zeros | ones | random
  std::string keyword;               // name of the input, empty: by position
};

// One algorithm's object with what it inherits from the root.
struct AlgorithmConfig {
  std::string name;       // the value of "algorithm"
  nlohmann::json object;  // its JSON object, whole
  std::string path;       // where it stands: "$.compression[0]"

  std::string target_device = "ANY";        // ANY | CPU | GPU | NPU | TRIAL; VPU, as older configs have it, reads NPU
  std::vector<std::string> ignored_scopes;  // the root's and its own
  size_t num_root_ignored_scopes = 0;       // how many of them, the first ones, stand at the root: for messages
  std::vector<std::string> target_scopes;   // its own, else the root's; empty: everything
  bool has_root_target_scopes = false;      // whether those are the root's: for messages
  bool validate_scopes = true;              // a scope that matches nothing is an error
  double compression_lr_multiplier = 1.0;   // scales the gradients of the compression's own parameters
};

struct CompressionConfig {
  std::vector<InputInfo> input_info;  // may be empty: the caller knows the shapes
  std::vector<AlgorithmConfig> algorithms;
  std::string target_device = "ANY";
  std::string backend = "auto";  // Pare's own key: the kernel backend's name
  std::string log_dir;
  std::optional<AccuracyAwareSettings> accuracy_aware_training;
  nlohmann::json source;  // the whole, for a checkpoint

  static absl::StatusOr<CompressionConfig> parse(const nlohmann::json& json);
  // `name_for_messages` (the file) goes before each message, with line and column where the text is no JSON.
  static absl::StatusOr<CompressionConfig> parse_text(const std::string& text, const std::string& name_for_messages);
  // Besides: NotFound, PermissionDenied and the other errors of read_file().
  static absl::StatusOr<CompressionConfig> load(const std::string& path);
};

// Marks the keys that every algorithm's object may have, and that CompressionConfig has read already ("algorithm",
// "ignored_scopes", "compression_lr_multiplier", ...), as known, so that the algorithm's reader does not refuse them.
void accept_common_keys(config::ObjectReader& reader);

}  // namespace pare

#endif  // PARE_CONFIG_COMPRESSION_CONFIG_H_
