#include "statistics/json_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare {

namespace {

absl::Status error_of(const std::string& what, const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case EISDIR:
      return absl::FailedPreconditionError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

// All of `line` or, as far as the file allows it, nothing.
absl::Status write_line(int file, const std::string& path, const std::string& line) {
  struct stat before;
  const bool can_take_back = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t written = write(file, line.data() + done, line.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      std::string remark;
      if (can_take_back && done > 0 && ftruncate(file, before.st_size) != 0) remark = " (its last line is incomplete)";
      return error_of("append to", path + remark, error);
    }
    done += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

bool ends_in_the_middle_of_a_line(int file) {
  struct stat status;
  char last = '\n';
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
         pread(file, &last, 1, status.st_size - 1) == 1 && last != '\n';
}

}  // namespace

absl::StatusOr<JsonLines> JsonLines::open(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("the path of the file of JSON lines is empty");
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return error_of("open", path, errno);
  JsonLines lines(path, file);
  if (ends_in_the_middle_of_a_line(file)) PARE_RETURN_IF_ERROR(write_line(file, path, "\n"));
  return lines;
}

JsonLines::JsonLines(JsonLines&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

JsonLines& JsonLines::operator=(JsonLines&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

JsonLines::~JsonLines() {
  if (file_ >= 0) close(file_);
}

absl::Status JsonLines::append(const nlohmann::ordered_json& object) {
  if (!object.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": expected a JSON object for a line, found a value of type ", object.type_name()));
  }
  const std::string text = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return write_line(file_, path_, text + "\n");
}

}  // namespace pare
