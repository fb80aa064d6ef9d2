#include "training/output_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace pare::training {

namespace {

absl::Status error_of(const std::string& what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  if (error == EACCES || error == EPERM || error == EROFS) return absl::PermissionDeniedError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::InvalidArgumentError(message);
}

}  // namespace

absl::Status make_output_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0777) == 0) return absl::OkStatus();
  const int error = errno;
  struct stat found;
  if (error == EEXIST && stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return absl::OkStatus();
  return error_of(absl::StrCat("cannot make the output folder ", path), error);
}

absl::Status check_writable(const std::string& folder) {
  std::string probe = absl::StrCat(folder.empty() ? "." : folder, "/.pare_XXXXXX");
  const int file = mkstemp(probe.data());
  if (file < 0) return error_of(absl::StrCat("cannot write into the folder ", folder), errno);
  close(file);
  unlink(probe.c_str());
  return absl::OkStatus();
}

absl::Status remove_checkpoints(const std::string& folder) {
  // The last one last: whoever is killed here has either the earlier training or none of it.
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator file(folder, ignored), end; !ignored && file != end;
       file.increment(ignored)) {
    const std::string name = file->path().filename().string();
    if (absl::StartsWith(name, kStepCheckpointPrefix) && absl::EndsWith(name, kCheckpointSuffix)) names.push_back(name);
  }
  for (const char* name : {kBestCheckpoint, kLastCheckpoint}) names.emplace_back(name);
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder, "/", name);
    if (unlink(path.c_str()) == 0) {
      log_info(absl::StrCat("removed ", path, " of an earlier training: this one starts anew"));
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return error_of(absl::StrCat("cannot remove ", path, " of an earlier training"), errno);
    }
  }
  return absl::OkStatus();
}

}  // namespace pare::training
