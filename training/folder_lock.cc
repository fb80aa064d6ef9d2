#include "training/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace pare::training {

absl::StatusOr<FolderLock> FolderLock::acquire(const std::string& folder) {
  FolderLock lock(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.descriptor_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the folder ", folder));
  int result;
  do {
    result = flock(lock.descriptor_, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(absl::StrCat(
        "another training writes into ", folder,
        ": wait for it or end it, or give this one a folder of its own (--output_dir, TrainOptions::output_dir)"));
  }
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace pare::training
