#include "data/dataset_factory.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "data/cifar10.h"
#include "data/image_folder.h"
#include "data/mnist.h"
#include "data/procedural.h"

namespace pare::data {
namespace {

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

absl::Status unknown_name(const std::string& name) {
  return absl::NotFoundError(
      absl::StrCat("there is no data set '", name, "'; the data sets are ", absl::StrJoin(dataset_names(), ", ")));
}

absl::StatusOr<std::unique_ptr<ImageDataset>> open_images(const DatasetOptions& options) {
  std::string dir = options.dir;
  std::vector<std::string> class_names;
  const bool has_train = is_folder(dir + "/train"), has_test = is_folder(dir + "/test"),
             has_val = is_folder(dir + "/val");
  if (has_train || has_test || has_val) {
    if (options.split == Split::kTrain) {
      dir += "/train";
    } else {
      // Labels are what the model was trained with: a class that has no test images must not shift the others.
      if (has_train) {
        PARE_ASSIGN_OR_RETURN(class_names, list_image_classes(dir + "/train"));
      }
      dir += has_test ? "/test" : "/val";
    }
  }
  return ImageFolder::open({dir, options.image_size, options.image_size, options.channels, std::move(class_names)});
}

}  // namespace

std::vector<std::string> dataset_names() { return {"cifar10", "images", "mnist", "procedural"}; }

absl::StatusOr<std::unique_ptr<ImageDataset>> make_dataset(const DatasetOptions& options) {
  if (options.name == "procedural") {
    const int64_t size = options.size != 0 ? options.size : options.split == Split::kTrain ? 6000 : 2000;
    return draw_procedural({size, options.split, options.seed});
  }
  if (options.name != "cifar10" && options.name != "images" && options.name != "mnist")
    return unknown_name(options.name);
  if (options.dir.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("data set ", options.name, ": no folder is given to read it from (data_dir)"));
  }
  if (options.name == "cifar10") return read_cifar10({options.dir, options.split});
  if (options.name == "mnist") return read_mnist({options.dir, options.split});
  return open_images(options);
}

absl::StatusOr<TransformOptions> default_transform(const std::string& name, const ImageShape& shape) {
  if (name == "cifar10") return TransformOptions{imagenet_normalization(), 4, true};
  if (name == "images") {
    return TransformOptions{
        shape.channels == 3 ? imagenet_normalization() : uniform_normalization(shape.channels, 0.5f, 0.25f), 0, true};
  }
  if (name == "mnist") return TransformOptions{uniform_normalization(shape.channels, 0.1307f, 0.3081f), 2, false};
  if (name == "procedural") return TransformOptions{uniform_normalization(shape.channels, 0.5f, 0.25f), 2, true};
  return unknown_name(name);
}

}  // namespace pare::data
