// data/image_writing_test_util.h: picture files for tests.

#ifndef PARE_DATA_IMAGE_WRITING_TEST_UTIL_H_
#define PARE_DATA_IMAGE_WRITING_TEST_UTIL_H_

#include <string>

#include "data/image_file.h"

namespace pare::data {

void write_test_png(const std::string& path, const Picture& picture);
void write_test_jpeg(const std::string& path, const Picture& picture);

}  // namespace pare::data

#endif  // PARE_DATA_IMAGE_WRITING_TEST_UTIL_H_
