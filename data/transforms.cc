#include "data/transforms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "data/random.h"

namespace pare::data {
namespace {

constexpr uint32_t kAugmentation = 2;  // StreamName::what

}  // namespace

Normalization imagenet_normalization() { return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}; }

Normalization uniform_normalization(int64_t channels, float mean, float stddev) {
  return {std::vector<float>(channels, mean), std::vector<float>(channels, stddev)};
}

absl::Status check_transform(const TransformOptions& options, const ImageShape& shape) {
  const Normalization& normalization = options.normalization;
  for (const auto& [name, values] : {std::pair("mean", &normalization.mean), {"stddev", &normalization.stddev}}) {
    if (static_cast<int64_t>(values->size()) != shape.channels) {
      return absl::InvalidArgumentError(absl::StrCat("normalization: ", values->size(), " value(s) of ", name,
                                                     " for images of ", shape.channels, " channel(s): give one each"));
    }
    for (float value : *values) {
      if (!std::isfinite(value)) {
        return absl::InvalidArgumentError(absl::StrCat("normalization: ", name, " holds ", value));
      }
    }
  }
  for (float value : normalization.stddev) {
    if (value <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("normalization: stddev holds ", value, ", but must be above 0"));
    }
  }
  if (options.crop_padding < 0 || options.crop_padding > std::min(shape.height, shape.width)) {
    return absl::InvalidArgumentError(absl::StrCat("augmentation: crop_padding is ", options.crop_padding,
                                                   ", but for images of ", shape.to_string(), " it goes from 0 to ",
                                                   std::min(shape.height, shape.width)));
  }
  return absl::OkStatus();
}

ImageTransform::ImageTransform(TransformOptions options) : options_(std::move(options)) {
  const Normalization& normalization = options_.normalization;
  tables_.resize(normalization.mean.size());
  for (size_t channel = 0; channel < tables_.size(); ++channel) {
    for (int x = 0; x < 256; ++x) {
      tables_[channel][x] =
          (static_cast<float>(x) / 255.0f - normalization.mean[channel]) / normalization.stddev[channel];
    }
  }
}

void ImageTransform::apply(absl::Span<const uint8_t> pixels, const ImageShape& shape,
                           const std::optional<AugmentationKey>& key, absl::Span<float> output) const {
  int64_t down = 0, right = 0;
  bool mirrored = false;
  if (key && (options_.crop_padding > 0 || options_.horizontal_flip)) {
    RandomStream random(key->seed,
                        {kAugmentation, static_cast<uint32_t>(key->epoch), static_cast<uint64_t>(key->index)});
    // Always drawn, so that turning one augmentation off does not change the others.
    down = random.between(-options_.crop_padding, options_.crop_padding);
    right = random.between(-options_.crop_padding, options_.crop_padding);
    mirrored = random.coin() && options_.horizontal_flip;
  }
  float* out = output.data();
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    const std::array<float, 256>& table = tables_[channel];
    for (int64_t y = 0; y < shape.height; ++y) {
      const int64_t from_y = y + down;
      if (from_y < 0 || from_y >= shape.height) {
        out = std::fill_n(out, shape.width, table[0]);
        continue;
      }
      const uint8_t* row = pixels.data() + (channel * shape.height + from_y) * shape.width;
      for (int64_t x = 0; x < shape.width; ++x) {
        const int64_t from_x = (mirrored ? shape.width - 1 - x : x) + right;
        *out++ = table[from_x >= 0 && from_x < shape.width ? row[from_x] : 0];
      }
    }
  }
}

}  // namespace pare::data
