// data/image_folder.h: a data set that is a folder with a folder of pictures for each class.
//
//   PARE_ASSIGN_OR_RETURN(auto images, ImageFolder::open({.dir = "pets/train", .height = 224, .width = 224}));
//   images->class_names();   // "cat", "dog": in the order of their labels
//
// Pictures are dir/<class>/<name>.{png,jpg,jpeg}, in either case of letters; classes and pictures are sorted by name;
// names that begin with a dot and files of other kinds are passed over. Each picture is read when it is asked for (see
// data/image_file.h for scaling and cropping), so a set may be larger than memory.

#ifndef PARE_DATA_IMAGE_FOLDER_H_
#define PARE_DATA_IMAGE_FOLDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/dataset.h"

namespace pare::data {

struct ImageFolderOptions {
  std::string dir;
  int64_t height = 224;  // 1 ... 16384
  int64_t width = 224;
  int64_t channels = 3;  // 3: RGB, 1: grey
  // The classes, in the order of their labels: those of the training images, for a test folder. Empty: the folders that
  // are there.
  std::vector<std::string> class_names;
};

// The names of a folder's class folders, sorted. Errors: NotFound where there is no folder.
absl::StatusOr<std::vector<std::string>> list_image_classes(const std::string& dir);

class ImageFolder : public ImageDataset {
 public:
  // Errors, naming the folder: NotFound (no such folder), InvalidArgument (no class folders, a class without pictures,
  // a folder of none of `class_names`, options out of range).
  static absl::StatusOr<std::unique_ptr<ImageFolder>> open(const ImageFolderOptions& options);

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t num_classes() const override { return static_cast<int64_t>(class_names_.size()); }
  ImageShape shape() const override { return {options_.channels, options_.height, options_.width}; }
  absl::StatusOr<LabeledImage> image(int64_t index) const override;

  const std::vector<std::string>& class_names() const { return class_names_; }

 private:
  struct File {
    std::string path;
    int64_t label;
  };

  ImageFolder(const ImageFolderOptions& options, std::vector<std::string> class_names, std::vector<File> files);

  ImageFolderOptions options_;
  std::vector<std::string> class_names_;
  std::vector<File> files_;
};

}  // namespace pare::data

#endif  // PARE_DATA_IMAGE_FOLDER_H_
