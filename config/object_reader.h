// config/object_reader.h: reads a JSON object strictly, and says exactly what is wrong with it.
//
//   ObjectReader reader(json, "$.compression[0].params");
//   const double power = reader.number("power", 0.9, {.min = 0.0});
//   const bool concave = reader.boolean("concave", true);
//   PARE_RETURN_IF_ERROR(reader.finish());
//
// Each call reads one key, or gives the default where the key is absent. The first mistake (a wrong type, a value out
// of range, a string that is not among the choices) is kept and later ones ignored, so that a block of calls is checked
// once, by finish(), which also refuses keys that no call asked for and names the nearest one that a call did. A value
// that is refused reads as the default, so that what is computed from it in between stays harmless. Numbers are finite;
// an integer may be written 100 or 1e2; null is a value of the wrong type, not an absent one. The JSON must outlive the
// reader. Messages read: "$.compression[0].params.power: expected a number of at least 0, found \"high\"", and
// "$.compression[0].params: unknown key "powr"; did you mean "power"?". Errors are InvalidArgument.

#ifndef PARE_CONFIG_OBJECT_READER_H_
#define PARE_CONFIG_OBJECT_READER_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"

namespace pare::config {

struct NumberRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

class ObjectReader {
 public:
  // If `json` is not an object, the first error says so. A null pointer is an empty object: everything is at its
  // default.
  ObjectReader(const nlohmann::json* json, std::string path);
  ObjectReader(const nlohmann::json& json, std::string path) : ObjectReader(&json, std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string path_of(const std::string& key) const;  // "$.a.key"
  bool has(const std::string& key);                   // also marks the key as known

  double number(const std::string& key, double default_value, NumberRange range = {});
  int64_t integer(const std::string& key, int64_t default_value, NumberRange range = {});
  bool boolean(const std::string& key, bool default_value);
  std::string string(const std::string& key, const std::string& default_value);
  std::string one_of(const std::string& key, const std::string& default_value, const std::vector<std::string>& choices);
  // A string or a list of strings. Absent: empty.
  std::vector<std::string> strings(const std::string& key);
  std::vector<double> numbers(const std::string& key, const std::vector<double>& default_value, NumberRange range = {});
  std::vector<int64_t> integers(const std::string& key, const std::vector<int64_t>& default_value,
                                NumberRange range = {});
  // Absent: nullopt.
  std::optional<double> optional_number(const std::string& key, NumberRange range = {});
  std::optional<int64_t> optional_integer(const std::string& key, NumberRange range = {});
  std::optional<bool> optional_boolean(const std::string& key);
  std::optional<std::string> optional_string(const std::string& key);

  // An object; nullptr where it is absent: ObjectReader(reader.object("params"), reader.path_of("params")).
  const nlohmann::json* object(const std::string& key);
  // An object, or a list of them: (JSON, path) of each. Absent: empty.
  std::vector<std::pair<const nlohmann::json*, std::string>> objects(const std::string& key);
  // Anything; nullptr where it is absent.
  const nlohmann::json* any(const std::string& key);

  // Keeps `status` as the first error if there is none yet: for checks of the caller's own.
  void fail(absl::Status status);
  // InvalidArgument "<path of key>: <message>".
  void fail(const std::string& key, const std::string& message);
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }  // the first error so far; unknown keys are not looked for
  // The first error, else an unknown key's, else OK.
  absl::Status finish();
  // As finish(), for objects that other programs have keys in, too: an unknown key is only refused where it looks like
  // a misspelling of a known one, that is, differs in case and underscores alone, or by an edit for each four of the
  // known one's characters, and two at most: "img_dir" and "logger" are no misspellings of "log_dir".
  absl::Status finish_refusing_misspellings();

 private:
  const nlohmann::json* find(const std::string& key);
  void expected(const std::string& key, const std::string& what, const nlohmann::json& found);
  void check_known(bool refuse_all);

  const nlohmann::json* json_;
  std::string path_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace pare::config

#endif  // PARE_CONFIG_OBJECT_READER_H_
