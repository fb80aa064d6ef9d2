// base/written_json.h: JSON that Pare itself wrote into a file.
//
//   PARE_ASSIGN_OR_RETURN(nlohmann::json metadata, parse_written_json(text, "last.checkpoint: its metadata"));
//
// For JSON that people write, with comments and with mistakes that are to be found: config/json_text.h.

#ifndef PARE_BASE_WRITTEN_JSON_H_
#define PARE_BASE_WRITTEN_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace pare {

// Lists and objects within each other. More than a config has, which such a file may hold.
inline constexpr int kMaxWrittenJsonDepth = 250;

// InvalidArgument, beginning with `what`, for text that is no JSON, and for JSON nested deeper than
// kMaxWrittenJsonDepth: nlohmann::json copies and writes by recursion, and would run out of stack.
absl::StatusOr<nlohmann::json> parse_written_json(std::string_view text, const std::string& what);

}  // namespace pare

#endif  // PARE_BASE_WRITTEN_JSON_H_
