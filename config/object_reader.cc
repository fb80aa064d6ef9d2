#include "config/object_reader.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/nearest.h"

namespace pare::config {

namespace {

constexpr double kLargestExactInteger = 9007199254740992.0;  // 2^53
// How far from a known key a misspelling of it is.
constexpr size_t kCharactersPerEdit = 4;
constexpr size_t kMostEdits = 2;

std::string describe(const nlohmann::json& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return value.dump();
}

std::string describe(NumberRange range) {
  const bool has_min = std::isfinite(range.min), has_max = std::isfinite(range.max);
  if (has_min && has_max) return absl::StrCat(" from ", range.min, " to ", range.max);
  if (has_min) return absl::StrCat(" of at least ", range.min);
  if (has_max) return absl::StrCat(" of at most ", range.max);
  return "";
}

std::optional<double> as_number(const nlohmann::json& json, NumberRange range) {
  if (!json.is_number()) return std::nullopt;
  const double value = json.get<double>();
  if (!std::isfinite(value) || value < range.min || value > range.max) return std::nullopt;
  return value;
}

std::optional<int64_t> as_integer(const nlohmann::json& json, NumberRange range) {
  const std::optional<double> number = as_number(json, range);
  if (!number) return std::nullopt;
  if (json.is_number_unsigned()) {
    const uint64_t value = json.get<uint64_t>();
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(value);
  }
  if (json.is_number_integer()) return json.get<int64_t>();
  if (std::abs(*number) > kLargestExactInteger || *number != std::floor(*number)) return std::nullopt;
  return static_cast<int64_t>(*number);
}

bool is_plain(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
  });
}

}  // namespace

ObjectReader::ObjectReader(const nlohmann::json* json, std::string path) : json_(json), path_(std::move(path)) {
  if (json_ != nullptr && !json_->is_object()) {
    fail(absl::InvalidArgumentError(absl::StrCat(path_, ": expected an object, found ", describe(*json_))));
    json_ = nullptr;
  }
}

std::string ObjectReader::path_of(const std::string& key) const {
  return is_plain(key) ? absl::StrCat(path_, ".", key) : absl::StrCat(path_, "[", quote(key), "]");
}

const nlohmann::json* ObjectReader::find(const std::string& key) {
  known_.insert(key);
  if (json_ == nullptr) return nullptr;
  const auto found = json_->find(key);
  return found == json_->end() ? nullptr : &*found;
}

void ObjectReader::expected(const std::string& key, const std::string& what, const nlohmann::json& found) {
  fail(key, absl::StrCat("expected ", what, ", found ", describe(found)));
}

void ObjectReader::fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void ObjectReader::fail(const std::string& key, const std::string& message) {
  fail(absl::InvalidArgumentError(absl::StrCat(path_of(key), ": ", message)));
}

bool ObjectReader::has(const std::string& key) { return find(key) != nullptr; }

std::optional<double> ObjectReader::optional_number(const std::string& key, NumberRange range) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return std::nullopt;
  const std::optional<double> value = as_number(*json, range);
  if (!value) expected(key, absl::StrCat("a number", describe(range)), *json);
  return value;
}

std::optional<int64_t> ObjectReader::optional_integer(const std::string& key, NumberRange range) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return std::nullopt;
  const std::optional<int64_t> value = as_integer(*json, range);
  if (!value) expected(key, absl::StrCat("an integer", describe(range)), *json);
  return value;
}

std::optional<bool> ObjectReader::optional_boolean(const std::string& key) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return std::nullopt;
  if (json->is_boolean()) return json->get<bool>();
  expected(key, "true or false", *json);
  return std::nullopt;
}

std::optional<std::string> ObjectReader::optional_string(const std::string& key) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return std::nullopt;
  if (json->is_string()) return json->get<std::string>();
  expected(key, "a string", *json);
  return std::nullopt;
}

double ObjectReader::number(const std::string& key, double default_value, NumberRange range) {
  return optional_number(key, range).value_or(default_value);
}

int64_t ObjectReader::integer(const std::string& key, int64_t default_value, NumberRange range) {
  return optional_integer(key, range).value_or(default_value);
}

bool ObjectReader::boolean(const std::string& key, bool default_value) {
  return optional_boolean(key).value_or(default_value);
}

std::string ObjectReader::string(const std::string& key, const std::string& default_value) {
  return optional_string(key).value_or(default_value);
}

std::string ObjectReader::one_of(const std::string& key, const std::string& default_value,
                                 const std::vector<std::string>& choices) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return default_value;
  std::string hint;
  if (json->is_string()) {
    const std::string& value = json->get_ref<const std::string&>();
    if (std::find(choices.begin(), choices.end(), value) != choices.end()) return value;
    const std::string best = nearest(value, choices);
    if (!best.empty()) hint = absl::StrCat("; did you mean ", quote(best), "?");
  }
  fail(key, absl::StrCat("expected one of ", absl::StrJoin(choices, ", "), ", found ", describe(*json), hint));
  return default_value;
}

std::vector<std::string> ObjectReader::strings(const std::string& key) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return {};
  if (json->is_string()) return {json->get<std::string>()};
  if (!json->is_array()) {
    expected(key, "a string or a list of strings", *json);
    return {};
  }
  std::vector<std::string> result;
  for (size_t i = 0; i < json->size(); ++i) {
    const nlohmann::json& item = (*json)[i];
    if (!item.is_string()) {
      fail(absl::InvalidArgumentError(
          absl::StrCat(path_of(key), "[", i, "]: expected a string, found ", describe(item))));
      return {};
    }
    result.push_back(item.get<std::string>());
  }
  return result;
}

std::vector<double> ObjectReader::numbers(const std::string& key, const std::vector<double>& default_value,
                                          NumberRange range) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return default_value;
  if (!json->is_array()) {
    expected(key, "a list of numbers", *json);
    return default_value;
  }
  std::vector<double> result;
  for (size_t i = 0; i < json->size(); ++i) {
    const std::optional<double> value = as_number((*json)[i], range);
    if (!value) {
      fail(absl::InvalidArgumentError(absl::StrCat(path_of(key), "[", i, "]: expected a number", describe(range),
                                                   ", found ", describe((*json)[i]))));
      return default_value;
    }
    result.push_back(*value);
  }
  return result;
}

std::vector<int64_t> ObjectReader::integers(const std::string& key, const std::vector<int64_t>& default_value,
                                            NumberRange range) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return default_value;
  if (!json->is_array()) {
    expected(key, "a list of integers", *json);
    return default_value;
  }
  std::vector<int64_t> result;
  for (size_t i = 0; i < json->size(); ++i) {
    const std::optional<int64_t> value = as_integer((*json)[i], range);
    if (!value) {
      fail(absl::InvalidArgumentError(absl::StrCat(path_of(key), "[", i, "]: expected an integer", describe(range),
                                                   ", found ", describe((*json)[i]))));
      return default_value;
    }
    result.push_back(*value);
  }
  return result;
}

const nlohmann::json* ObjectReader::object(const std::string& key) {
  const nlohmann::json* json = find(key);
  if (json == nullptr || json->is_object()) return json;
  expected(key, "an object", *json);
  return nullptr;
}

std::vector<std::pair<const nlohmann::json*, std::string>> ObjectReader::objects(const std::string& key) {
  const nlohmann::json* json = find(key);
  if (json == nullptr) return {};
  if (json->is_object()) return {{json, path_of(key)}};
  if (!json->is_array()) {
    expected(key, "an object or a list of objects", *json);
    return {};
  }
  std::vector<std::pair<const nlohmann::json*, std::string>> result;
  for (size_t i = 0; i < json->size(); ++i) {
    std::string path = absl::StrCat(path_of(key), "[", i, "]");
    if (!(*json)[i].is_object()) {
      fail(absl::InvalidArgumentError(absl::StrCat(path, ": expected an object, found ", describe((*json)[i]))));
      return {};
    }
    result.emplace_back(&(*json)[i], std::move(path));
  }
  return result;
}

const nlohmann::json* ObjectReader::any(const std::string& key) { return find(key); }

void ObjectReader::check_known(bool refuse_all) {
  if (json_ == nullptr) return;
  const std::vector<std::string> known(known_.begin(), known_.end());
  for (const auto& [key, value] : json_->items()) {
    if (known_.count(key) != 0) continue;
    const auto looks_like = [&key = key](const std::string& right) {
      return edit_distance(key, right) <= std::min<size_t>(right.size() / kCharactersPerEdit, kMostEdits);
    };
    if (!refuse_all && std::none_of(known.begin(), known.end(), looks_like)) continue;
    fail(absl::InvalidArgumentError(absl::StrCat(path_, ": unknown key ", quote(key), suggestion(key, known))));
  }
}

absl::Status ObjectReader::finish() {
  check_known(/*refuse_all=*/true);
  return status_;
}

absl::Status ObjectReader::finish_refusing_misspellings() {
  check_known(/*refuse_all=*/false);
  return status_;
}

}  // namespace pare::config
