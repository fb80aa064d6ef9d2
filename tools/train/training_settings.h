// tools/train/training_settings.h: what decides the result of a training beside the trainer's own options, to be
// compared when it is resumed.
//
// Files count by what is in them: the same model or data set under another path is the same.

#ifndef PARE_TOOLS_TRAIN_TRAINING_SETTINGS_H_
#define PARE_TOOLS_TRAIN_TRAINING_SETTINGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "data/dataset.h"
#include "nlohmann/json.hpp"
#include "tools/common/open_data.h"

namespace pare::tools {

// The hash of a file's content, or the name of a model of models/. Errors: those of reading the file.
absl::StatusOr<std::string> model_identity(const std::string& model);

// {"name", "images", "shape", "classes", "first_and_last", "mean", "std"}. The two images stand for all, since reading
// a large set takes minutes. Errors: those of reading them.
absl::StatusOr<nlohmann::json> data_identity(const DataSource& source, const data::ImageDataset& images);

}  // namespace pare::tools

#endif  // PARE_TOOLS_TRAIN_TRAINING_SETTINGS_H_
