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

// Whether the Huffman tables of a JPEG's segment, of which `file` starts with the length, have at most the 256 codes
// that there can be. stb_image writes as many as the file says.
bool huffman_tables_fit(std::string_view file) {
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<uint8_t>(file[at])); };
  if (file.size() < 2) return false;
  file = file.substr(0, byte(0) << 8 | byte(1));
  for (size_t at = 2; at < file.size();) {
    if (file.size() - at < 17) return false;
    size_t codes = 0;
    for (size_t length = 1; length <= 16; ++length) codes += byte(at + length);
    at += 17 + codes;
    if (codes > 256 || at > file.size()) return false;
  }
  return true;
}

// What is wrong with a JPEG that stb_image does not look at; empty if nothing. It does not ask for the end marker: a
// file that is cut off would come out half grey.
std::string_view jpeg_fault(std::string_view file) {
  constexpr std::string_view kCutOff = "the file is cut off", kTable = "a Huffman table has more than 256 codes";
  size_t at = 2;
  while (at + 4 <= file.size() && static_cast<uint8_t>(file[at]) == 0xFF) {
    const auto marker = static_cast<uint8_t>(file[at + 1]);
    // Start of scan: what follows is pixels, up to the end marker. Thumbnails, with end markers of their own, lie in
    // segments before it. Between scans there may be tables, which pixels cannot look like.
    if (marker == 0xDA) {
      if (file.find("\xFF\xD9", at) == std::string_view::npos) return kCutOff;
      while ((at = file.find("\xFF\xC4", at)) != std::string_view::npos) {
        at += 2;
        if (!huffman_tables_fit(file.substr(at))) return kTable;
      }
      return "";
    }
    if (marker == 0xFF) {  // Padding.
      ++at;
      continue;
    }
    if (marker == 0xC4 && !huffman_tables_fit(file.substr(at + 2))) return kTable;
    at += 2 + (static_cast<uint8_t>(file[at + 2]) << 8 | static_cast<uint8_t>(file[at + 3]));
  }
  return kCutOff;
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
  // Before stb_image sees any of it. It takes more than one FF in front of a JPEG's D8; no one writes that.
  if (bytes[0] == 0xFF) {
    if (file.size() < 2 || bytes[1] != 0xD8) return broken("it begins as no PNG or JPEG does");
    if (const std::string_view fault = jpeg_fault(file); !fault.empty()) return broken(fault);
  }
  // The header first: a few bytes must not make us allocate gigabytes.
  if (!stbi_info_from_memory(bytes, size, &width, &height, &channels_there)) return broken(stbi_failure_reason());
  if (int64_t{width} * height > kMostPixels) {
    return broken(absl::StrCat("it has ", height, " x ", width, " pixels, more than ", kMostPixels));
  }
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
