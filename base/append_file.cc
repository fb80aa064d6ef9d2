#include "base/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

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

// All of the record or, as far as the file allows it, nothing.
absl::Status write_record(int file, const std::string& path, std::string_view record) {
  struct stat before;
  const bool can_take_back = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
  size_t done = 0;
  while (done < record.size()) {
    const ssize_t written = write(file, record.data() + done, record.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      std::string remark;
      if (can_take_back && done > 0 && ftruncate(file, before.st_size) != 0)
        remark = " (its last record is incomplete)";
      return error_of("append to", path + remark, error);
    }
    done += static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AppendFile> AppendFile::open(const std::string& path) {
  if (path.empty()) return absl::InvalidArgumentError("the path of a file to append to is empty");
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return error_of("open", path, errno);
  return AppendFile(path, file);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

AppendFile::~AppendFile() {
  if (file_ >= 0) close(file_);
}

absl::Status AppendFile::append(std::string_view record) { return write_record(file_, path_, record); }

std::optional<char> AppendFile::last_byte() const {
  struct stat status;
  char last = 0;
  if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0 ||
      pread(file_, &last, 1, status.st_size - 1) != 1) {
    return std::nullopt;
  }
  return last;
}

}  // namespace pare
