#include "training/settings_difference.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::training {
namespace {

constexpr size_t kMostTold = 4;
constexpr size_t kLongestValue = 80;

std::string text_of(const nlohmann::json& value) {
  std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongestValue) text = text.substr(0, kLongestValue) + "...";
  return text;
}

void compare(const std::string& path, const nlohmann::json* before, const nlohmann::json* now,
             std::vector<std::string>& differences) {
  if (before != nullptr && now != nullptr && *before == *now) return;
  if (before == nullptr || now == nullptr || !before->is_object() || !now->is_object()) {
    const auto value = [](const nlohmann::json* json) { return json == nullptr ? "not set" : text_of(*json); };
    differences.push_back(
        absl::StrCat(path.empty() ? "the config" : path, " was ", value(before), " and is ", value(now), " now"));
    return;
  }
  std::set<std::string> keys;
  for (const nlohmann::json* each : {before, now}) {
    for (const auto& item : each->items()) keys.insert(item.key());
  }
  const auto find = [](const nlohmann::json& json, const std::string& key) {
    const auto found = json.find(key);
    return found == json.end() ? nullptr : &*found;
  };
  for (const std::string& key : keys) {
    compare(path.empty() ? key : absl::StrCat(path, ".", key), find(*before, key), find(*now, key), differences);
  }
}

}  // namespace

std::string settings_difference(const nlohmann::json& before, const nlohmann::json& now) {
  std::vector<std::string> differences;
  compare("", &before, &now, differences);
  const size_t more = differences.size() > kMostTold ? differences.size() - kMostTold : 0;
  differences.resize(differences.size() - more);
  return absl::StrCat(absl::StrJoin(differences, "; "), more > 0 ? absl::StrCat("; and ", more, " more") : "");
}

}  // namespace pare::training
