#include "tools/train/training_settings.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "tools/common/open_model.h"
#include "training/fnv1a.h"

namespace pare::tools {

absl::StatusOr<std::string> model_identity(const std::string& model) {
  if (!is_model_file(model)) return model;
  PARE_ASSIGN_OR_RETURN(const std::string content, read_file(model));
  return absl::StrCat("a file of hash ", absl::Hex(training::fnv1a(content), absl::kZeroPad16));
}

absl::StatusOr<nlohmann::json> data_identity(const DataSource& source, const data::ImageDataset& images) {
  uint64_t hash = training::fnv1a("");
  for (const int64_t index : {int64_t{0}, images.size() - 1}) {
    PARE_ASSIGN_OR_RETURN(const data::LabeledImage image, images.image(index));
    hash = training::fnv1a({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()}, hash);
    hash = training::fnv1a(absl::StrCat(image.label), hash);
  }
  return nlohmann::json{{"name", source.name},
                        {"images", images.size()},
                        {"shape", images.shape().to_string()},
                        {"classes", images.num_classes()},
                        {"first_and_last", absl::StrCat(absl::Hex(hash, absl::kZeroPad16))},
                        {"mean", source.mean},
                        {"std", source.stddev}};
}

}  // namespace pare::tools
