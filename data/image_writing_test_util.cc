#include "data/image_writing_test_util.h"

#include "gtest/gtest.h"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace pare::data {

void write_test_png(const std::string& path, const Picture& p) {
  ASSERT_TRUE(stbi_write_png(path.c_str(), p.width, p.height, p.channels, p.pixels.data(), p.width * p.channels));
}

void write_test_jpeg(const std::string& path, const Picture& p) {
  ASSERT_TRUE(stbi_write_jpg(path.c_str(), p.width, p.height, p.channels, p.pixels.data(), 90));
}

}  // namespace pare::data
