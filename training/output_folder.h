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

}  // namespace pare::training

#endif  // PARE_TRAINING_OUTPUT_FOLDER_H_
