#include "tools/train/before_training.h"

namespace pare::tools {
namespace {

bool is_evaluation(const nlohmann::ordered_json& json) {
  return json.is_object() && json.contains("top1") && json["top1"].is_number() && json.contains("correct") &&
         json["correct"].is_number_integer() && json.contains("total") && json["total"].is_number_integer();
}

}  // namespace

nlohmann::ordered_json read_before_training(const std::string& text) {
  nlohmann::ordered_json before = nlohmann::ordered_json::object();
  const auto json = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return before;
  for (const char* key : {"original", "initialized"}) {
    if (!json.contains(key) || !is_evaluation(json[key])) continue;
    for (const char* number : {"top1", "correct", "total", "loss"}) {
      // JSON has no infinite loss: it is null.
      const auto found = json[key].find(number);
      if (found != json[key].end() && (found->is_number() || found->is_null())) before[key][number] = *found;
    }
  }
  return before;
}

}  // namespace pare::tools
