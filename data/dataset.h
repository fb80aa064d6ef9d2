// data/dataset.h: labelled images, by number.
//
//   std::unique_ptr<ImageDataset> images = ...;                  // read_cifar10, read_mnist, ImageFolder::open, ...
//   PARE_ASSIGN_OR_RETURN(LabeledImage first, images->image(0));
//   first.pixels[(channel * shape.height + y) * shape.width + x]  // 0 ... 255
//
// Every image of a data set has the same shape. Pixels are uint8 in planes: [channels, height, width], RGB where there
// are three channels. Labels run from 0 to num_classes() - 1. MemoryDataset holds its images in memory; a data set of
// one's own derives from ImageDataset.

#ifndef PARE_DATA_DATASET_H_
#define PARE_DATA_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare::data {

struct ImageShape {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;

  int64_t bytes() const { return channels * height * width; }
  std::string to_string() const;  // "3x32x32"
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

struct LabeledImage {
  std::vector<uint8_t> pixels;
  int64_t label = 0;
};

class ImageDataset {
 public:
  virtual ~ImageDataset() = default;

  virtual int64_t size() const = 0;
  virtual int64_t num_classes() const = 0;
  virtual ImageShape shape() const = 0;

  // Image number `index`, pixels.size() == shape().bytes(). Called from several threads at once.
  // Errors: OutOfRange for an index that is not in 0 ... size() - 1; what reading the image meets.
  virtual absl::StatusOr<LabeledImage> image(int64_t index) const = 0;
};

// OutOfRange unless 0 <= index < size.
absl::Status check_image_index(int64_t index, int64_t size);

enum class Split { kTrain, kTest };

class MemoryDataset : public ImageDataset {
 public:
  // `pixels` holds the images one after another. Errors: InvalidArgument, beginning with `what`, when there are no
  // images, when the sizes do not fit together, or for a label outside 0 ... num_classes - 1.
  static absl::StatusOr<std::unique_ptr<MemoryDataset>> create(const std::string& what, const ImageShape& shape,
                                                               int64_t num_classes, std::vector<uint8_t> pixels,
                                                               std::vector<uint8_t> labels);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int64_t num_classes() const override { return num_classes_; }
  ImageShape shape() const override { return shape_; }
  absl::StatusOr<LabeledImage> image(int64_t index) const override;

 private:
  MemoryDataset(const ImageShape& shape, int64_t num_classes, std::vector<uint8_t> pixels, std::vector<uint8_t> labels);

  ImageShape shape_;
  int64_t num_classes_;
  std::vector<uint8_t> pixels_;
  std::vector<uint8_t> labels_;
};

}  // namespace pare::data

#endif  // PARE_DATA_DATASET_H_
