// IDX files of images and of labels, compressed with gzip or not.

#include "data/mnist.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const pare::fuzz::InputFile file(data, size);
  for (const int dimensions : {1, 3}) pare::data::read_idx_file(file.path(), dimensions).status().IgnoreError();
  return 0;
}
