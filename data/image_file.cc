#include "data/image_file.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"

// Static, so that a program with another copy of the library links.
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace pare::data {
namespace {

constexpr int64_t kMostPixels = 100'000'000;

// Whether a JPEG has its end marker, which stb_image does not ask for: a file that is cut off would come out half grey.
bool jpeg_is_whole(std::string_view file) {
  size_t at = 2;
  while (at + 4 <= file.size() && static_cast<uint8_t>(file[at]) == 0xFF) {
    const auto marker = static_cast<uint8_t>(file[at + 1]);
    // Start of scan: what follows is pixels, up to the end marker. Thumbnails, with end markers of their own, lie in
    // segments before it.
    if (marker == 0xDA) return file.find("\xFF\xD9", at) != std::string_view::npos;
    if (marker == 0xFF) {  // Padding.
      ++at;
      continue;
    }
    at += 2 + (static_cast<uint8_t>(file[at + 2]) << 8 | static_cast<uint8_t>(file[at + 3]));
  }
  return false;
}

// The sources that one pixel of a resized row or column is made of.
struct Footprint {
  int64_t first;
  std::vector<float> weights;
};

// `wanted` pixels from the centre of `size` pixels stretched by `scale`.
std::vector<Footprint> footprints(int64_t size, int64_t wanted, double scale) {
  const double reach = std::max(1.0, 1.0 / scale);
  const double margin = (static_cast<double>(size) * scale - static_cast<double>(wanted)) / 2;
  std::vector<Footprint> result;
  for (int64_t i = 0; i < wanted; ++i) {
    const double center = (static_cast<double>(i) + 0.5 + margin) / scale - 0.5;
    const int64_t first = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(center - reach)), 0, size - 1);
    const int64_t last = std::clamp<int64_t>(static_cast<int64_t>(std::floor(center + reach)), first, size - 1);
    Footprint footprint{first, {}};
    float sum = 0;
    for (int64_t from = first; from <= last; ++from) {
      const auto weight = static_cast<float>(std::max(0.0, 1.0 - std::abs(static_cast<double>(from) - center) / reach));
      footprint.weights.push_back(weight);
      sum += weight;
    }
    if (sum > 0) {
      for (float& weight : footprint.weights) weight /= sum;
    } else {
      footprint.weights.assign(1, 1.0f);
    }
    result.push_back(std::move(footprint));
  }
  return result;
}

}  // namespace

absl::StatusOr<Picture> read_image_file(const std::string& path, int64_t channels) {
  if (channels != 1 && channels != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", channels, " channels are wanted, but 1 or 3 can be had"));
  }
  PARE_ASSIGN_OR_RETURN(const std::string file, read_file(path));
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
  const auto broken = [&](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read as PNG or JPEG: ", std::string(why), "; replace or remove the file"));
  };
  if (file.empty()) return broken("the file is empty");
  if (file.size() > size_t{1} << 30) return broken("the file is larger than 1 GiB");
  const int size = static_cast<int>(file.size());
  int width = 0, height = 0, channels_there = 0;
  // The header first: a few bytes must not make us allocate gigabytes.
  if (!stbi_info_from_memory(bytes, size, &width, &height, &channels_there)) return broken(stbi_failure_reason());
  if (int64_t{width} * height > kMostPixels) {
    return broken(absl::StrCat("it has ", height, " x ", width, " pixels, more than ", kMostPixels));
  }
  const bool is_jpeg = file.size() > 2 && bytes[0] == 0xFF && bytes[1] == 0xD8;
  if (is_jpeg && !jpeg_is_whole(file)) return broken("the file is cut off");
  const std::unique_ptr<stbi_uc, void (*)(void*)> decoded(
      stbi_load_from_memory(bytes, size, &width, &height, &channels_there, static_cast<int>(channels)),
      &stbi_image_free);
  if (decoded == nullptr) return broken(stbi_failure_reason());
  Picture picture{height, width, channels, {}};
  picture.pixels.assign(decoded.get(), decoded.get() + int64_t{height} * width * channels);
  return picture;
}

std::vector<uint8_t> resize_and_crop(const Picture& picture, int64_t height, int64_t width) {
  const double scale = std::max(static_cast<double>(height) / static_cast<double>(picture.height),
                                static_cast<double>(width) / static_cast<double>(picture.width));
  const std::vector<Footprint> rows = footprints(picture.height, height, scale);
  const std::vector<Footprint> columns = footprints(picture.width, width, scale);
  const int64_t channels = picture.channels;
  std::vector<uint8_t> planes(channels * height * width);
  std::vector<float> line(picture.width * channels);
  for (int64_t y = 0; y < height; ++y) {
    std::fill(line.begin(), line.end(), 0.0f);
    for (size_t k = 0; k < rows[y].weights.size(); ++k) {
      const uint8_t* source = &picture.pixels[(rows[y].first + static_cast<int64_t>(k)) * picture.width * channels];
      for (size_t i = 0; i < line.size(); ++i) line[i] += rows[y].weights[k] * static_cast<float>(source[i]);
    }
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t c = 0; c < channels; ++c) {
        float value = 0.5f;
        for (size_t k = 0; k < columns[x].weights.size(); ++k) {
          value += columns[x].weights[k] * line[(columns[x].first + static_cast<int64_t>(k)) * channels + c];
        }
        planes[(c * height + y) * width + x] = static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
      }
    }
  }
  return planes;
}

}  // namespace pare::data
