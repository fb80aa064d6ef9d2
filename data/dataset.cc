#include "data/dataset.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace pare::data {

std::string ImageShape::to_string() const { return absl::StrCat(channels, "x", height, "x", width); }

absl::Status check_image_index(int64_t index, int64_t size) {
  if (index >= 0 && index < size) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("image ", index, " was asked for, but the data set has ", size, " images"));
}

absl::StatusOr<std::unique_ptr<MemoryDataset>> MemoryDataset::create(const std::string& what, const ImageShape& shape,
                                                                     int64_t num_classes, std::vector<uint8_t> pixels,
                                                                     std::vector<uint8_t> labels) {
  if (shape.channels <= 0 || shape.height <= 0 || shape.width <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": images of shape ", shape.to_string(), ", but each dimension must be at least 1"));
  }
  if (labels.empty()) return absl::InvalidArgumentError(absl::StrCat(what, ": there are no images"));
  if (static_cast<int64_t>(pixels.size()) != static_cast<int64_t>(labels.size()) * shape.bytes()) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": ", pixels.size(), " bytes of pixels, but ", labels.size(),
                                                   " images of ", shape.to_string(), " take ",
                                                   static_cast<int64_t>(labels.size()) * shape.bytes()));
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= num_classes) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": image ", i, " has the label ",
                                                     static_cast<int>(labels[i]), ", but labels go from 0 to ",
                                                     num_classes - 1));
    }
  }
  return absl::WrapUnique(new MemoryDataset(shape, num_classes, std::move(pixels), std::move(labels)));
}

MemoryDataset::MemoryDataset(const ImageShape& shape, int64_t num_classes, std::vector<uint8_t> pixels,
                             std::vector<uint8_t> labels)
    : shape_(shape), num_classes_(num_classes), pixels_(std::move(pixels)), labels_(std::move(labels)) {}

absl::StatusOr<LabeledImage> MemoryDataset::image(int64_t index) const {
  if (absl::Status status = check_image_index(index, size()); !status.ok()) return status;
  const auto begin = pixels_.begin() + index * shape_.bytes();
  return LabeledImage{std::vector<uint8_t>(begin, begin + shape_.bytes()), labels_[index]};
}

}  // namespace pare::data
