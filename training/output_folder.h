// training/output_folder.h: the folder that a training writes into.
//
//   PARE_RETURN_IF_ERROR(make_output_folder("out"));

#ifndef PARE_TRAINING_OUTPUT_FOLDER_H_
#define PARE_TRAINING_OUTPUT_FOLDER_H_

#include <string>

#include "absl/status/status.h"

namespace pare::training {

// Makes the folder unless it is there; the one that it is in must be. NotFound, PermissionDenied, ResourceExhausted;
// InvalidArgument where something else has the name.
absl::Status make_output_folder(const std::string& path);

// Whether a file can be made in the folder: found by making one and removing it again, before hours of work are lost.
// NotFound, PermissionDenied, ResourceExhausted, InvalidArgument.
absl::Status check_writable(const std::string& folder);

// The names of the trainer's checkpoints in its output folder.
inline constexpr char kLastCheckpoint[] = "last.checkpoint";
inline constexpr char kBestCheckpoint[] = "best.checkpoint";
// Those from before the last: step_00000120.checkpoint.
inline constexpr char kStepCheckpointPrefix[] = "step_";
inline constexpr char kCheckpointSuffix[] = ".checkpoint";

// Removes the checkpoints of an earlier training from its output folder, with a logged line, so that nobody goes on
// from them by mistake. Errors: those of removing a file; none if there is nothing to remove.
absl::Status remove_checkpoints(const std::string& folder);

}  // namespace pare::training

#endif  // PARE_TRAINING_OUTPUT_FOLDER_H_
