#include "data/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "data/image_file.h"

namespace pare::data {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostSide = 16384;

bool is_picture(const fs::path& path) {
  const std::string extension = absl::AsciiStrToLower(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// The names in a folder that do not begin with a dot, sorted.
absl::StatusOr<std::vector<fs::path>> entries_of(const fs::path& dir) {
  std::error_code error;
  fs::directory_iterator entry(dir, error);
  std::vector<fs::path> paths;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().filename().string().front() != '.') paths.push_back(entry->path());
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat(dir.string(), ": cannot be listed: ", error.message(), "; a folder of images is expected there"));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::StatusOr<std::vector<fs::path>> class_folders_of(const std::string& dir) {
  PARE_ASSIGN_OR_RETURN(std::vector<fs::path> paths, entries_of(dir));
  std::error_code ignored;
  std::erase_if(paths, [&](const fs::path& path) { return !fs::is_directory(path, ignored); });
  return paths;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> list_image_classes(const std::string& dir) {
  PARE_ASSIGN_OR_RETURN(const std::vector<fs::path> folders, class_folders_of(dir));
  std::vector<std::string> names;
  for (const fs::path& folder : folders) names.push_back(folder.filename().string());
  return names;
}

absl::StatusOr<std::unique_ptr<ImageFolder>> ImageFolder::open(const ImageFolderOptions& options) {
  if (std::min(options.height, options.width) < 1 || std::max(options.height, options.width) > kMostSide ||
      (options.channels != 1 && options.channels != 3)) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.dir, ": images of ", ImageShape{options.channels, options.height, options.width}.to_string(),
        " are wanted, but 1 or 3 channels and sides from 1 to ", kMostSide, " can be had"));
  }
  PARE_ASSIGN_OR_RETURN(const std::vector<fs::path> folders, class_folders_of(options.dir));
  std::vector<std::string> class_names = options.class_names;
  std::vector<File> files;
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename().string();
    if (options.class_names.empty()) class_names.push_back(name);
    const auto found = std::find(class_names.begin(), class_names.end(), name);
    if (found == class_names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder.string(), ": there is no class '", name, "' among the training images, which have ",
                       absl::StrJoin(class_names, ", "), "; add training images of it, or remove the folder"));
    }
    PARE_ASSIGN_OR_RETURN(const std::vector<fs::path> entries, entries_of(folder));
    const size_t before = files.size();
    const auto label = static_cast<int64_t>(found - class_names.begin());
    for (const fs::path& entry : entries) {
      if (is_picture(entry)) files.push_back({entry.string(), label});
    }
    if (files.size() == before) {
      return absl::InvalidArgumentError(absl::StrCat(
          folder.string(), ": this class has no pictures (.png, .jpg, .jpeg); add some or remove the folder"));
    }
  }
  if (files.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.dir, ": holds no folders; one for each class is expected, with its pictures"));
  }
  return absl::WrapUnique(new ImageFolder(options, std::move(class_names), std::move(files)));
}

ImageFolder::ImageFolder(const ImageFolderOptions& options, std::vector<std::string> class_names,
                         std::vector<File> files)
    : options_(options), class_names_(std::move(class_names)), files_(std::move(files)) {}

absl::StatusOr<LabeledImage> ImageFolder::image(int64_t index) const {
  PARE_RETURN_IF_ERROR(check_image_index(index, size()));
  const File& file = files_[index];
  PARE_ASSIGN_OR_RETURN(const Picture picture, read_image_file(file.path, options_.channels));
  return LabeledImage{resize_and_crop(picture, options_.height, options_.width), file.label};
}

}  // namespace pare::data
