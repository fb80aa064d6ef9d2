#include "base/written_json.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace pare {
namespace {

// Leaves the parser from within its callback; never leaves this file.
struct TooDeep {};

bool check_depth(int depth, nlohmann::json::parse_event_t event, nlohmann::json&) {
  using Event = nlohmann::json::parse_event_t;
  const bool begins = event == Event::object_start || event == Event::array_start;
  if (begins && depth >= kMaxWrittenJsonDepth) throw TooDeep();
  return true;
}

}  // namespace

absl::StatusOr<nlohmann::json> parse_written_json(std::string_view text, const std::string& what) {
  try {
    return nlohmann::json::parse(text.begin(), text.end(), check_depth);
  } catch (const TooDeep&) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is nested deeper than ", kMaxWrittenJsonDepth,
                                                   " levels of lists and objects; Pare writes none that is"));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is no JSON: ", error.what()));
  }
}

}  // namespace pare
