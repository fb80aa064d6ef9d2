// statistics/json_lines.h: a log of JSON objects, one a line: what a training writes an epoch.
//
//   PARE_ASSIGN_OR_RETURN(JsonLines log, JsonLines::open("out/epochs.jsonl"));
//   PARE_RETURN_IF_ERROR(log.append({{"epoch", 3}, {"top1", 0.91}}));
//   PARE_RETURN_IF_ERROR(log.append(algorithm.statistics()));
//
// Written as base/append_file.h says: a line is there whole or not at all. A line that an earlier program left
// unfinished is ended first. Errors: those of base/append_file.h, and InvalidArgument for what is no object.

#ifndef PARE_STATISTICS_JSON_LINES_H_
#define PARE_STATISTICS_JSON_LINES_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/append_file.h"
#include "nlohmann/json.hpp"
#include "statistics/statistics.h"

namespace pare {

class JsonLines {
 public:
  // Makes the file if it is not there, and appends to it if it is.
  static absl::StatusOr<JsonLines> open(const std::string& path);

  const std::string& path() const { return file_.path(); }

  // Text that is no UTF-8 has its wrong bytes replaced.
  absl::Status append(const nlohmann::ordered_json& object);
  absl::Status append(const Statistics& statistics) { return append(statistics.to_json()); }

 private:
  explicit JsonLines(AppendFile file) : file_(std::move(file)) {}

  AppendFile file_;
};

}  // namespace pare

#endif  // PARE_STATISTICS_JSON_LINES_H_
