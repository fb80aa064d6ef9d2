// Cache files, in which Vulkan's pipelines and CUDA's binaries are kept. What is written is read, whatever stood there.

#include <string>

#include "base/cache_file.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const pare::fuzz::InputFile file(data, size);
  // One that was written for this identity ends with what is read of it; for another it is a miss.
  const std::string found = pare::read_cache(file.path(), "device 1");
  if (found.size() > size || bytes.compare(size - found.size(), found.size(), found) != 0) __builtin_trap();
  if (!found.empty() && !pare::read_cache(file.path(), "device 2").empty()) __builtin_trap();
  return 0;
}
