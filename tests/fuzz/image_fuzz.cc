// PNG and JPEG files, and what is made of them. Pictures of up to 4,096 pixels are resized; larger ones only decoded.

#include "data/image_file.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const pare::fuzz::InputFile file(data, size);
  for (const int64_t channels : {1, 3}) {
    const auto picture = pare::data::read_image_file(file.path(), channels);
    if (!picture.ok() || picture->height * picture->width > 4096) continue;
    if (pare::data::resize_and_crop(*picture, 7, 5).size() != static_cast<size_t>(channels) * 35) __builtin_trap();
  }
  return 0;
}
