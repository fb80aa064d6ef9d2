#include "tools/results/experiments.h"

#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "config/object_reader.h"

namespace pare::tools {
namespace {

// The first number under this key, however deep: in a composite it stands under a method's name.
std::optional<double> find_number(const nlohmann::ordered_json& json, const std::string& key) {
  if (!json.is_object()) return std::nullopt;
  if (json.contains(key) && json[key].is_number()) return json[key].get<double>();
  for (const auto& [name, value] : json.items()) {
    if (const auto found = find_number(value, key); found.has_value()) return found;
  }
  return std::nullopt;
}

std::optional<double> percent(std::optional<double> share) {
  return share.has_value() ? std::optional(100 * *share) : std::nullopt;
}

std::optional<double> percent_of(const nlohmann::ordered_json& results, const std::string& key) {
  if (!results.contains(key) || !results[key].is_object()) return std::nullopt;
  return percent(find_number(results[key], "top1"));
}

std::optional<double> speedup_of(const nlohmann::ordered_json& results, const std::string& runtime) {
  if (!results.contains("speed") || !results["speed"].contains(runtime)) return std::nullopt;
  return find_number(results["speed"][runtime], "speedup");
}

std::string cell(std::optional<double> value, const char* format) {
  return value.has_value() ? absl::StrFormat(*absl::ParsedFormat<'f'>::New(format), *value) : "";
}

std::optional<double> file_kilobytes(const nlohmann::ordered_json& results) {
  if (!results.contains("files") || !results["files"].contains("model")) return std::nullopt;
  if (!results["files"]["model"].is_string()) return std::nullopt;
  std::error_code error;
  const auto size = std::filesystem::file_size(results["files"]["model"].get<std::string>(), error);
  return error ? std::nullopt : std::optional(static_cast<double>(size) / 1000);
}

}  // namespace

absl::StatusOr<std::vector<Experiment>> read_experiments(const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string text, read_file(path));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false,
                                                    /*ignore_comments=*/true);
  if (json.is_discarded()) return absl::InvalidArgumentError(absl::StrCat(path, ": this is no JSON"));
  config::ObjectReader reader(json, path);
  std::vector<Experiment> experiments;
  std::set<std::string> names;
  for (const auto& [object, where] : reader.objects("experiments")) {
    config::ObjectReader one(object, where);
    Experiment experiment;
    experiment.name = one.string("name", "");
    experiment.title = one.string("title", experiment.name);
    const std::string config = one.string("config", "");
    if (config.empty()) one.fail("config", "expected the file of a compression's config");
    experiment.config = (std::filesystem::path(path).parent_path() / config).string();
    experiment.epochs = one.integer("epochs", experiment.epochs, {.min = 1});
    experiment.learning_rate = one.number("learning_rate", experiment.learning_rate, {.min = 0});
    experiment.optimizer = one.one_of("optimizer", experiment.optimizer, {"sgd", "adam", "adamw"});
    experiment.weight_decay = one.number("weight_decay", experiment.weight_decay, {.min = 0});
    experiment.freeze_batch_norm = one.boolean("freeze_batch_norm", experiment.freeze_batch_norm);
    if (experiment.name.empty() || experiment.name.find('/') != std::string::npos) {
      one.fail("name", "expected the name of a folder");
    }
    if (!names.insert(experiment.name).second) one.fail("name", "another experiment has this name");
    PARE_RETURN_IF_ERROR(one.finish());
    experiments.push_back(std::move(experiment));
  }
  PARE_RETURN_IF_ERROR(reader.finish());
  if (experiments.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": there are no experiments"));
  return experiments;
}

std::string results_table(const std::vector<Outcome>& outcomes) {
  std::string table =
      "| method | top-1, % | against FP32, points | zeros, % | FLOPs gone, % | file, kB | faster in Pare | in ONNX "
      "Runtime | epochs | "
      "training, s |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& [experiment, results] : outcomes) {
    const auto original = percent_of(results, "original"), exported = percent_of(results, "exported");
    const std::optional<double> difference = original && exported ? std::optional(*exported - *original) : std::nullopt;
    const auto zeros = percent(find_number(results, "sparsified_layers_level"));
    const auto flops = percent(find_number(results, "flops_removed"));
    absl::StrAppend(&table, "| ", experiment.title, " | ", cell(exported, "%.2f"), " | ", cell(difference, "%+.2f"),
                    " | ", cell(zeros, "%.1f"), " | ", cell(flops, "%.1f"), " | ",
                    cell(file_kilobytes(results), "%.0f"), " | ", cell(speedup_of(results, "pare"), "%.2f"), " | ",
                    cell(speedup_of(results, "onnxruntime"), "%.2f"), " | ", experiment.epochs, " | ",
                    cell(find_number(results, "seconds"), "%.0f"), " |\n");
  }
  return table;
}

}  // namespace pare::tools
