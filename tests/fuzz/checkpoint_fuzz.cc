// Checkpoints: the container's header, and the tensors and JSON in it. The checksum is made right for every input, as
// no search would find it; the first byte chooses whether the container or its content is what is read.

#include <string>

#include "graph/state.h"
#include "tests/fuzz/fuzz_input.h"
#include "training/checkpoint.h"
#include "training/fnv1a.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string container = bytes;
  if (data[0] != 'h') {
    container = std::string("PARECKPT\x01\0\0\0", 12);
    for (const uint64_t number : {uint64_t{bytes.size()}, pare::training::fnv1a(bytes)}) {
      for (int i = 0; i < 8; ++i) container.push_back(static_cast<char>(number >> (8 * i)));
    }
    container += bytes;
  }
  const pare::fuzz::InputFile file(reinterpret_cast<const uint8_t*>(container.data()), container.size());
  pare::training::load_checkpoint(file.path()).status().IgnoreError();
  return 0;
}
