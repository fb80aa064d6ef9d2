#include "statistics/json_lines.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare {

absl::StatusOr<JsonLines> JsonLines::open(const std::string& path) {
  PARE_ASSIGN_OR_RETURN(AppendFile file, AppendFile::open(path));
  if (file.last_byte().value_or('\n') != '\n') PARE_RETURN_IF_ERROR(file.append("\n"));
  return JsonLines(std::move(file));
}

absl::Status JsonLines::append(const nlohmann::ordered_json& object) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path(), ": expected a JSON object for a line, found a value of type ", object.type_name()));
  }
  const std::string text = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return file_.append(text + "\n");
}

}  // namespace pare
