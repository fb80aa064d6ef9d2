// statistics/json_lines.h: a log of JSON objects, one a line: what a training writes an epoch.
//
//   PARE_ASSIGN_OR_RETURN(JsonLines log, JsonLines::open("out/epochs.jsonl"));
//   PARE_RETURN_IF_ERROR(log.append({{"epoch", 3}, {"top1", 0.91}}));
//   PARE_RETURN_IF_ERROR(log.append(algorithm.statistics()));
//
// A line is handed to the operating system whole before append() returns: a program that is killed loses none, and
// another one may follow the file as it grows. A line that an earlier program left unfinished is ended first. When the
// disk is full, what was written of the line is taken back.
// Errors: NotFound (no such folder), PermissionDenied, FailedPrecondition (a folder), ResourceExhausted (disk full),
// InvalidArgument (not an object), Internal (other I/O errors).

#ifndef PARE_STATISTICS_JSON_LINES_H_
#define PARE_STATISTICS_JSON_LINES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "statistics/statistics.h"

namespace pare {

class JsonLines {
 public:
  // Makes the file if it is not there, and appends to it if it is.
  static absl::StatusOr<JsonLines> open(const std::string& path);
  JsonLines(JsonLines&& other) noexcept;
  JsonLines& operator=(JsonLines&& other) noexcept;
  ~JsonLines();

  const std::string& path() const { return path_; }

  // Text that is no UTF-8 has its wrong bytes replaced.
  absl::Status append(const nlohmann::ordered_json& object);
  absl::Status append(const Statistics& statistics) { return append(statistics.to_json()); }

 private:
  JsonLines(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_ = -1;
};

}  // namespace pare

#endif  // PARE_STATISTICS_JSON_LINES_H_
