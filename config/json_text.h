// config/json_text.h: JSON that people write: with comments, and with mistakes that are to be found.
//
//   PARE_ASSIGN_OR_RETURN(nlohmann::json json, parse_json("{\"a\": 1} // one", "a.json"));
//   // "a.json:3:14: syntax error while parsing object key - invalid literal; ..."
//
// // and /* */ comments are left out, and so is a comma after the last element of a list or object: both stand in
// NNCF's configs. InvalidArgument, with file, line and column, for text that is no JSON, an object that holds a key
// twice, numbers beyond double's range and nesting deeper than kMaxJsonDepth.

#ifndef PARE_CONFIG_JSON_TEXT_H_
#define PARE_CONFIG_JSON_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace pare::config {

inline constexpr int kMaxJsonDepth = 100;

// `name_for_messages`: the file, or what else the text is.
absl::StatusOr<nlohmann::json> parse_json(const std::string& text, const std::string& name_for_messages);

}  // namespace pare::config

#endif  // PARE_CONFIG_JSON_TEXT_H_
