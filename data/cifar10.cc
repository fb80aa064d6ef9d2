#include "data/cifar10.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/atomic_file.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace pare::data {
namespace {

constexpr ImageShape kShape{3, 32, 32};
constexpr int kTrainFiles = 5;

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string train_file(int number) { return absl::StrCat("data_batch_", number, ".bin"); }

// All that the split should have.
std::vector<std::string> files_of(const std::string& dir, Split split) {
  if (split == Split::kTest) return {absl::StrCat(dir, "/test_batch.bin")};
  std::vector<std::string> files;
  for (int i = 1; i <= kTrainFiles; ++i) files.push_back(absl::StrCat(dir, "/", train_file(i)));
  return files;
}

absl::Status append_file(const std::string& file, int64_t images, std::vector<uint8_t>& pixels,
                         std::vector<uint8_t>& labels) {
  const int64_t record = 1 + kShape.bytes();
  // Looked at before reading, so that a wrong file of any size is refused without being read.
  std::error_code error;
  const auto found = std::filesystem::file_size(file, error);
  if (error) return absl::NotFoundError(absl::StrCat(file, ": cannot be read: ", error.message()));
  if (static_cast<int64_t>(found) != images * record) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": expected ", images * record, " bytes (", images, " records of ", record, "), found ", found,
        static_cast<int64_t>(found) < images * record ? ": the file is cut off; fetch it again"
                                                      : ": this is no CIFAR-10 batch in the binary format"));
  }
  PARE_ASSIGN_OR_RETURN(const std::string content, read_file(file));
  if (static_cast<int64_t>(content.size()) != images * record) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": expected ", images * record, " bytes, could read ", content.size()));
  }
  for (int64_t i = 0; i < images; ++i) {
    const char* begin = content.data() + i * record;
    const auto label = static_cast<uint8_t>(*begin);
    if (label > 9) {
      return absl::InvalidArgumentError(absl::StrCat(file, ": record ", i, " (at byte ", i * record, ") has the label ",
                                                     static_cast<int>(label), ", but CIFAR-10's go from 0 to 9"));
    }
    labels.push_back(label);
    pixels.insert(pixels.end(), begin + 1, begin + record);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageDataset>> read_cifar10(const Cifar10Options& options) {
  if (options.images_per_file < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("CIFAR-10: images_per_file is ", options.images_per_file, ", but must be at least 1"));
  }
  if (!exists(options.dir)) {
    return absl::NotFoundError(absl::StrCat(options.dir, ": no such folder; CIFAR-10 is looked for there"));
  }
  std::string dir = options.dir;
  if (exists(absl::StrCat(dir, "/cifar-10-batches-bin"))) dir += "/cifar-10-batches-bin";
  std::vector<std::string> files, missing;
  for (std::string& file : files_of(dir, options.split)) (exists(file) ? files : missing).push_back(std::move(file));
  if (files.empty()) {
    const bool train = options.split == Split::kTrain;
    return absl::NotFoundError(
        absl::StrCat(dir, ": holds ", train ? "none of data_batch_1.bin ... data_batch_5.bin" : "no test_batch.bin",
                     "; the files of CIFAR-10's binary version are expected in this folder"));
  }
  if (!missing.empty()) {
    log_warning(absl::StrCat(absl::StrJoin(missing, ", "), missing.size() == 1 ? " is" : " are",
                             " missing: of CIFAR-10's ", kTrainFiles, " training files the other ", files.size(),
                             " are used, ", files.size() * options.images_per_file, " images"));
  }
  std::vector<uint8_t> pixels, labels;
  pixels.reserve(files.size() * options.images_per_file * kShape.bytes());
  labels.reserve(files.size() * options.images_per_file);
  for (const std::string& file : files) {
    PARE_RETURN_IF_ERROR(append_file(file, options.images_per_file, pixels, labels));
  }
  return MemoryDataset::create(dir, kShape, 10, std::move(pixels), std::move(labels));
}

}  // namespace pare::data
