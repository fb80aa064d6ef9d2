#include "base/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace pare {

namespace {

absl::Status error_of(std::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot ", std::string(what), " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EISDIR:
      return absl::FailedPreconditionError(message);
    default:
      return absl::InternalError(message);
  }
}

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status write_all(const std::string& path, std::string_view content) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return error_of("write", path, errno);
  const absl::Cleanup close_file = [file] { close(file); };
  while (!content.empty()) {
    const ssize_t written = write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return error_of("write", path, errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status flush(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return error_of("flush", path, errno);
  const absl::Cleanup close_file = [file] { close(file); };
  // Some file systems cannot sync a folder, which is no reason to fail.
  if (fsync(file) != 0 && errno != EINVAL && errno != EROFS) return error_of("flush", path, errno);
  return absl::OkStatus();
}

// Where a file is that `path` names through symbolic links; `path` itself where it is none, or leads nowhere yet.
std::string target_of(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return path;
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) != nullptr) return resolved;
  const ssize_t size = readlink(path.c_str(), resolved, sizeof(resolved) - 1);
  if (size <= 0) return path;
  const std::string target(resolved, static_cast<size_t>(size));
  return target[0] == '/' ? target : absl::StrCat(folder_of(path), "/", target);
}

}  // namespace

absl::Status write_file_atomically(const std::string& given_path,
                                   const std::function<absl::Status(const std::string&)>& write) {
  const std::string path = target_of(given_path);
  if (path.empty()) return absl::InvalidArgumentError("the path of the file to write is empty");
  struct stat status;
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is a folder, not a file"));
    if (!S_ISREG(status.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file: it cannot be replaced"));
    }
  }
  static std::atomic<int> counter{0};
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".", counter++, ".partial");
  absl::Cleanup remove_partial = [&temporary] { unlink(temporary.c_str()); };
  PARE_RETURN_IF_ERROR(write(temporary));
  PARE_RETURN_IF_ERROR(flush(temporary));
  if (rename(temporary.c_str(), path.c_str()) != 0) return error_of("write", path, errno);
  std::move(remove_partial).Cancel();
  // The file is in its place and whole. A folder that cannot be flushed (some may be written into and not read) only
  // means that a power cut in the next seconds could bring the old file back.
  flush(folder_of(path)).IgnoreError();
  return absl::OkStatus();
}

absl::Status write_file_atomically(const std::string& path, std::string_view content) {
  return write_file_atomically(path, [content](const std::string& temporary) { return write_all(temporary, content); });
}

namespace {

// The process that has made `<name>.<pid>.<n>.partial`; nullopt for any other name.
std::optional<pid_t> writer_of(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  const size_t size = parts.size();
  pid_t pid = 0;
  int counter = 0;
  if (size < 4 || parts[size - 1] != "partial" || !absl::SimpleAtoi(parts[size - 2], &counter) ||
      !absl::SimpleAtoi(parts[size - 3], &pid) || pid <= 0) {
    return std::nullopt;
  }
  return pid;
}

}  // namespace

int remove_partial_files(const std::string& folder) {
  int removed = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    const std::optional<pid_t> writer = writer_of(file->path().filename().string());
    if (!writer.has_value()) continue;
    // A process of another user is alive all the same: EPERM. A number of our own is an earlier process's, as in
    // containers, where the first one always is number 1.
    const bool is_alive = *writer != getpid() && (kill(*writer, 0) == 0 || errno == EPERM);
    if (!is_alive && unlink(file->path().c_str()) == 0) ++removed;
  }
  return removed;
}

absl::StatusOr<std::string> read_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return error_of("read", path, errno);
  const absl::Cleanup close_file = [file] { close(file); };
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = read(file, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_of("read", path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace pare
