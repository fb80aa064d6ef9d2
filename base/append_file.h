// base/append_file.h: a file that grows by whole records, as logs do.
//
//   PARE_ASSIGN_OR_RETURN(AppendFile log, AppendFile::open("out/epochs.jsonl"));
//   PARE_RETURN_IF_ERROR(log.append("{\"epoch\": 3}\n"));
//
// A record is handed to the operating system whole before append() returns: a program that is killed loses none, and
// another one may follow the file as it grows. When the disk is full, what was written of the record is taken back.
// Errors: NotFound (no such folder), PermissionDenied, FailedPrecondition (a folder), ResourceExhausted (disk full),
// Internal (other I/O errors).

#ifndef PARE_BASE_APPEND_FILE_H_
#define PARE_BASE_APPEND_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare {

class AppendFile {
 public:
  // Makes the file if it is not there, and appends to it if it is.
  static absl::StatusOr<AppendFile> open(const std::string& path);
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;
  ~AppendFile();

  const std::string& path() const { return path_; }
  absl::Status append(std::string_view record);
  // nullopt: it is empty, or no regular file.
  std::optional<char> last_byte() const;

 private:
  AppendFile(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_ = -1;
};

}  // namespace pare

#endif  // PARE_BASE_APPEND_FILE_H_
