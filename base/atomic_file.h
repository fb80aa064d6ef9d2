// base/atomic_file.h: writes a file whole or not at all.
//
//   PARE_RETURN_IF_ERROR(write_file_atomically(path, bytes));
//
//   // When another library must write the file itself:
//   PARE_RETURN_IF_ERROR(write_file_atomically(path, [&](const std::string& temporary) {
//     return guard_torch(temporary, [&] { archive.save_to(temporary); });
//   }));
//
// The content goes to `<path>.<pid>.<n>.partial` beside the target, is flushed to the disk and then renamed over the
// target. On any failure (an unwritable folder, a full disk, a failing writer) the target is as it was before, and the
// partial file is gone. A process that is killed can leave a partial file behind, but never a half-written target;
// remove_partial_files() takes those away.
// A target that is not a regular file (a device, a FIFO) is refused; a symbolic link is followed, and stays.
// Errors: NotFound (no such folder), PermissionDenied, ResourceExhausted (disk full), Internal (other I/O errors), or
// what the writer returned.

#ifndef PARE_BASE_ATOMIC_FILE_H_
#define PARE_BASE_ATOMIC_FILE_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare {

absl::Status write_file_atomically(const std::string& path, std::string_view content);

// `write` makes the file at the path it is given.
absl::Status write_file_atomically(const std::string& path,
                                   const std::function<absl::Status(const std::string& temporary_path)>& write);

// Removes the partial files that writers which are no more have left in a folder, this process's own before it writes
// there included: those of a process that is still alive stay. Says how many went. What cannot be listed or removed is
// left.
int remove_partial_files(const std::string& folder);

// The whole content of a file. Errors: NotFound, PermissionDenied, FailedPrecondition (a folder), Internal.
absl::StatusOr<std::string> read_file(const std::string& path);

}  // namespace pare

#endif  // PARE_BASE_ATOMIC_FILE_H_
