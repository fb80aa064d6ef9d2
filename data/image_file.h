// data/image_file.h: a PNG or JPEG file as pixels of a wanted shape.
//
//   PARE_ASSIGN_OR_RETURN(Picture picture, read_image_file("cat.jpg", /*channels=*/3));
//   std::vector<uint8_t> planes = resize_and_crop(picture, 224, 224);
//
// The picture is decoded by stb_image to 8 bits and the wanted number of channels (1: grey, 3: RGB), scaled so that it
// just covers the wanted size, and cut out at the centre.

#ifndef PARE_DATA_IMAGE_FILE_H_
#define PARE_DATA_IMAGE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pare::data {

// Pixels as files hold them: row by row, the channels of a pixel side by side.
struct Picture {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> pixels;
};

// channels: 1 or 3. Errors, naming the file: NotFound; InvalidArgument for what is no PNG or JPEG, is broken or cut
// off, or has more than 100 million pixels.
absl::StatusOr<Picture> read_image_file(const std::string& path, int64_t channels);

// The picture's centre, [channels, height, width]. Scaling is bilinear; to a smaller size, each result is the average
// over its footprint under a triangle of that width, so that nothing aliases.
std::vector<uint8_t> resize_and_crop(const Picture& picture, int64_t height, int64_t width);

}  // namespace pare::data

#endif  // PARE_DATA_IMAGE_FILE_H_
