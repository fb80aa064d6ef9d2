#include "config/compression_config.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "config/json_text.h"
#include "config/nearest.h"

namespace pare {

namespace {

using config::ObjectReader;

constexpr double kLargestDimension = 1LL << 31;
constexpr uintmax_t kLargestFile = 64 << 20;

// Those of an algorithm's object that CompressionConfig reads.
struct CommonKeys {
  static constexpr const char* kAlgorithm = "algorithm";
  static constexpr const char* kIgnoredScopes = "ignored_scopes";
  static constexpr const char* kTargetScopes = "target_scopes";
  static constexpr const char* kValidateScopes = "validate_scopes";
  static constexpr const char* kLrMultiplier = "compression_lr_multiplier";
};

absl::StatusOr<InputInfo> parse_input_info(const nlohmann::json& json, const std::string& path) {
  ObjectReader reader(json, path);
  InputInfo info;
  info.sample_size = reader.integers("sample_size", {}, {.min = 1, .max = kLargestDimension});
  info.type = reader.one_of("type", info.type, {"float", "long"});
  info.filler = reader.one_of("filler", info.filler, {"zeros", "ones", "random"});
  info.keyword = reader.string("keyword", info.keyword);
  PARE_RETURN_IF_ERROR(reader.finish());
  if (info.sample_size.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        reader.path_of("sample_size"), ": expected the shape of the input, batch first, such as [1, 3, 224, 224]"));
  }
  return info;
}

// What every algorithm inherits is in `config`, which holds the root's.
absl::StatusOr<AlgorithmConfig> parse_algorithm(const nlohmann::json& json, const std::string& path,
                                                AlgorithmConfig config) {
  ObjectReader reader(json, path);
  config.object = json;
  config.path = path;
  const std::optional<std::string> name = reader.optional_string(CommonKeys::kAlgorithm);
  if (const std::vector<std::string> own = reader.strings(CommonKeys::kTargetScopes); !own.empty()) {
    config.target_scopes = own;
    config.has_root_target_scopes = false;
  }
  for (const std::string& scope : reader.strings(CommonKeys::kIgnoredScopes)) config.ignored_scopes.push_back(scope);
  config.validate_scopes = reader.boolean(CommonKeys::kValidateScopes, config.validate_scopes);
  config.compression_lr_multiplier =
      reader.number(CommonKeys::kLrMultiplier, config.compression_lr_multiplier, {.min = 0});
  PARE_RETURN_IF_ERROR(reader.status());
  if (!name || name->empty()) {
    std::string hint;
    for (const auto& [key, value] : json.items()) {
      if (!config::nearest_names(key, {CommonKeys::kAlgorithm}, 2, 1).empty() && key != CommonKeys::kAlgorithm) {
        hint = absl::StrCat("; is ", config::quote(key), " meant to be it?");
      }
    }
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected the name of a method under \"algorithm\", such as \"quantization\"", hint));
  }
  config.name = *name;
  return config;
}

}  // namespace

absl::StatusOr<CompressionConfig> CompressionConfig::parse(const nlohmann::json& json) {
  ObjectReader reader(json, "$");
  CompressionConfig config;
  AlgorithmConfig inherited;
  config.target_device =
      reader.one_of("target_device", config.target_device, {"ANY", "CPU", "GPU", "NPU", "TRIAL", "VPU"});
  if (config.target_device == "VPU") config.target_device = "NPU";
  config.backend = reader.string("backend", config.backend);
  config.log_dir = reader.string("log_dir", config.log_dir);
  reader.boolean("disable_shape_matching", false);
  const nlohmann::json* accuracy_aware = reader.object("accuracy_aware_training");
  inherited.target_device = config.target_device;
  inherited.ignored_scopes = reader.strings(CommonKeys::kIgnoredScopes);
  inherited.num_root_ignored_scopes = inherited.ignored_scopes.size();
  inherited.target_scopes = reader.strings(CommonKeys::kTargetScopes);
  inherited.has_root_target_scopes = !inherited.target_scopes.empty();
  inherited.validate_scopes = reader.boolean(CommonKeys::kValidateScopes, true);
  inherited.compression_lr_multiplier = reader.number(CommonKeys::kLrMultiplier, 1.0, {.min = 0});
  const auto input_infos = reader.objects("input_info");
  const auto algorithms = reader.objects("compression");
  PARE_RETURN_IF_ERROR(reader.finish_refusing_misspellings());
  if (accuracy_aware != nullptr) {
    PARE_ASSIGN_OR_RETURN(config.accuracy_aware_training,
                          AccuracyAwareSettings::parse(*accuracy_aware, reader.path_of("accuracy_aware_training")));
  }
  for (const auto& [object, path] : input_infos) {
    PARE_ASSIGN_OR_RETURN(InputInfo info, parse_input_info(*object, path));
    config.input_info.push_back(std::move(info));
  }
  for (const auto& [object, path] : algorithms) {
    PARE_ASSIGN_OR_RETURN(AlgorithmConfig algorithm, parse_algorithm(*object, path, inherited));
    config.algorithms.push_back(std::move(algorithm));
  }
  config.source = json;
  return config;
}

absl::StatusOr<CompressionConfig> CompressionConfig::parse_text(const std::string& text,
                                                                const std::string& name_for_messages) {
  PARE_ASSIGN_OR_RETURN(const nlohmann::json json, config::parse_json(text, name_for_messages));
  absl::StatusOr<CompressionConfig> config = parse(json);
  if (config.ok()) return config;
  return absl::Status(config.status().code(), absl::StrCat(name_for_messages, ": ", config.status().message()));
}

absl::StatusOr<CompressionConfig> CompressionConfig::load(const std::string& path) {
  std::error_code error;
  if (const uintmax_t size = std::filesystem::file_size(path, error); !error && size > kLargestFile) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": a config of ", size, " bytes cannot be meant; at most ", kLargestFile, " are read"));
  }
  PARE_ASSIGN_OR_RETURN(const std::string text, read_file(path));
  return parse_text(text, path);
}

void accept_common_keys(config::ObjectReader& reader) {
  for (const char* key : {CommonKeys::kAlgorithm, CommonKeys::kIgnoredScopes, CommonKeys::kTargetScopes,
                          CommonKeys::kValidateScopes, CommonKeys::kLrMultiplier}) {
    reader.has(key);
  }
}

}  // namespace pare
