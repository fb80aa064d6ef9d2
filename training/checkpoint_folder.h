// training/checkpoint_folder.h: the checkpoints of a training in its output folder: the last one and some before it.
//
//   CheckpointFolder checkpoints("out", /*keep=*/2);
//   absl::StatusOr<CheckpointFolder::Found> found = checkpoints.load_newest();   // after a kill
//   PARE_RETURN_IF_ERROR(checkpoints.save(checkpoint));
//
// The newest is last.checkpoint. Those of earlier steps are step_<steps done>.checkpoint: the last one gets that name
// as a second one (a hard link: nothing is written twice) before the new one takes its place. Older ones than are kept
// go when the new one is safe on the disk. So at every moment the newest whole one is there, whenever the process is
// killed.

#ifndef PARE_TRAINING_CHECKPOINT_FOLDER_H_
#define PARE_TRAINING_CHECKPOINT_FOLDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "training/checkpoint.h"

namespace pare::training {

class CheckpointFolder {
 public:
  // Keeps `keep` checkpoints of different steps, the last one included; at least 1.
  CheckpointFolder(std::string folder, int64_t keep);

  struct Found {
    Checkpoint checkpoint;
    std::string path;
  };
  // The newest that is whole. One that is truncated or damaged, or cannot be read for an error of the disk, is passed
  // over with a warning that names it and says why. Errors: NotFound if there is none at all; DataLoss, with all of
  // them and their faults, if none is whole; FailedPrecondition for one of another version of the format, which is no
  // reason to go back to an older one; what else keeps one from being read (PermissionDenied).
  absl::StatusOr<Found> load_newest();

  // As last.checkpoint. Errors: those of save_checkpoint(); the one before is then as it was, and the message says so.
  absl::Status save(const Checkpoint& checkpoint);

 private:
  absl::Status keep_last() const;
  void remove_old(int64_t step) const;

  std::string folder_;
  int64_t keep_;
  // Of last.checkpoint, where this object has written it or found it whole.
  std::optional<int64_t> last_step_;
};

// The folder's checkpoints that training could go on from, the newest first; empty if there is none, or no folder.
std::vector<std::string> resumable_checkpoints(const std::string& folder);

}  // namespace pare::training

#endif  // PARE_TRAINING_CHECKPOINT_FOLDER_H_
