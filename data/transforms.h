// data/transforms.h: from an image's bytes to a network's input: augmentation, then normalization.
//
//   ImageTransform transform({.normalization = imagenet_normalization(), .crop_padding = 4, .horizontal_flip = true});
//   transform.apply(image.pixels, shape, /*random=*/{seed, epoch, index}, output);    // training
//   transform.apply(image.pixels, shape, /*random=*/std::nullopt, output);            // evaluation
//
// Augmentation is a shift (the image is padded with black on each side and cut out again at a random place:
// crop_padding pixels at most in each direction) and a mirroring of left and right with probability 1/2. Normalization
// of channel c maps a byte x to (x / 255 - mean[c]) / stddev[c], in float32 and in this order of operations, as
// Python's torchvision does. What is drawn depends on (seed, epoch, index) alone.

#ifndef PARE_DATA_TRANSFORMS_H_
#define PARE_DATA_TRANSFORMS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "data/dataset.h"

namespace pare::data {

// One number a channel.
struct Normalization {
  std::vector<float> mean;
  std::vector<float> stddev;
};

// The means and deviations of ImageNet's pixels, which CIFAR-10's published ResNets were trained with.
Normalization imagenet_normalization();

// The same number for each of the channels.
Normalization uniform_normalization(int64_t channels, float mean, float stddev);

struct TransformOptions {
  Normalization normalization;
  int64_t crop_padding = 0;
  bool horizontal_flip = false;
};

// InvalidArgument unless the options fit images of this shape: a mean and a positive, finite deviation a channel, a
// padding from 0 to the image's smaller side.
absl::Status check_transform(const TransformOptions& options, const ImageShape& shape);

// What augmentation is drawn from.
struct AugmentationKey {
  uint64_t seed = 0;
  int64_t epoch = 0;
  int64_t index = 0;
};

class ImageTransform {
 public:
  // The options have passed check_transform for the images that are given to apply().
  explicit ImageTransform(TransformOptions options);

  // pixels and output: shape.bytes() values, in planes. Without a key the image is not augmented.
  void apply(absl::Span<const uint8_t> pixels, const ImageShape& shape, const std::optional<AugmentationKey>& key,
             absl::Span<float> output) const;

 private:
  TransformOptions options_;
  // The normalized value of each byte, a table a channel.
  std::vector<std::array<float, 256>> tables_;
};

}  // namespace pare::data

#endif  // PARE_DATA_TRANSFORMS_H_
