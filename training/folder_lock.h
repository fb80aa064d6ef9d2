// training/folder_lock.h: keeps a second training out of an output folder.
//
//   PARE_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::acquire("out"));
//   ... write into it ...                     // until the lock goes, or the process ends, however it ends
//
// Two trainings that write the same checkpoints in turn leave none of either. The lock (flock(2)) is on the folder
// itself: it leaves no file behind, and nothing has to be cleared up after a kill. File systems that have no locks
// (some network mounts) are used without one.

#ifndef PARE_TRAINING_FOLDER_LOCK_H_
#define PARE_TRAINING_FOLDER_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace pare::training {

class FolderLock {
 public:
  // FailedPrecondition if another training, of this process or another, has the folder; NotFound, PermissionDenied if
  // it cannot be opened.
  static absl::StatusOr<FolderLock> acquire(const std::string& folder);

  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;  // -1: none
};

}  // namespace pare::training

#endif  // PARE_TRAINING_FOLDER_LOCK_H_
