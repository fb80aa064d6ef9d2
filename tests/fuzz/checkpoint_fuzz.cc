// Checkpoints: the container's header, and the tensors and JSON in it. The first byte chooses which of them is read;
// see checkpoint_input.h.

#include "tests/fuzz/checkpoint_input.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pare::fuzz::load_checkpoint_input({reinterpret_cast<const char*>(data), size}).status().IgnoreError();
  return 0;
}
