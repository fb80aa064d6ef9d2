#include "training/report.h"

#include <vector>

#include "absl/strings/str_split.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"

namespace pare::training {
namespace {

nlohmann::ordered_json to_json(const AccuracyReport& report) {
  nlohmann::ordered_json json = {
      {"accuracy", report.accuracy}, {"accuracy_drop", report.drop}, {"accuracy_budget", report.budget}};
  if (report.compression_rate) json["compression_rate"] = *report.compression_rate;
  return json;
}

}  // namespace

NamedNumbers numbers_of(const EpochReport& report, const Statistics& statistics) {
  NamedNumbers numbers = {{"training/loss", report.loss},
                          {"training/task_loss", report.task_loss},
                          {"training/compression_loss", report.compression_loss},
                          {"training/learning_rate", report.learning_rate},
                          {"training/seconds", report.seconds}};
  if (report.train_top1) numbers.emplace_back("training/top1", *report.train_top1);
  if (report.evaluation) {
    numbers.emplace_back("evaluation/top1", report.evaluation->top1());
    numbers.emplace_back("evaluation/loss", report.evaluation->loss);
  }
  if (report.accuracy) {
    const nlohmann::ordered_json accuracy = to_json(*report.accuracy);
    for (const auto& [name, number] : accuracy.items()) {
      numbers.emplace_back("accuracy_aware/" + name, number.get<double>());
    }
  }
  for (auto& number : pare::numbers_of(statistics, "compression")) numbers.push_back(std::move(number));
  return numbers;
}

nlohmann::ordered_json to_json(const EvaluationResult& result) {
  return {{"top1", result.top1()}, {"correct", result.correct}, {"total", result.total}, {"loss", result.loss}};
}

nlohmann::ordered_json to_json(const EpochReport& report, const Statistics& statistics) {
  nlohmann::ordered_json json = {
      {"epoch", report.epoch},
      {"steps", report.steps},
      {"loss", report.loss},
      {"task_loss", report.task_loss},
      {"compression_loss", report.compression_loss},
  };
  if (report.train_top1) json["train_top1"] = *report.train_top1;
  json["learning_rate"] = report.learning_rate;
  json["stage"] = to_string(report.stage);
  json["seconds"] = report.seconds;
  json["data_seconds"] = report.data_seconds;
  if (report.evaluation) {
    json["top1"] = report.evaluation->top1();
    json["correct"] = report.evaluation->correct;
    json["total"] = report.evaluation->total;
    json["eval_loss"] = report.evaluation->loss;
  }
  if (report.accuracy) json["accuracy_aware"] = to_json(*report.accuracy);
  if (!statistics.empty()) json["statistics"] = statistics.to_json();
  return json;
}

absl::Status keep_epochs_before(const std::string& path, int64_t epoch) {
  std::string kept;
  absl::StatusOr<std::string> text = read_file(path);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  PARE_RETURN_IF_ERROR(text.status());
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const nlohmann::json json = nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) continue;
    const auto found = json.find("epoch");
    if (found == json.end() || !found->is_number_integer() || found->get<int64_t>() >= epoch) continue;
    kept.append(line.data(), line.size());
    kept.push_back('\n');
  }
  return kept == *text ? absl::OkStatus() : write_file_atomically(path, kept);
}

}  // namespace pare::training
