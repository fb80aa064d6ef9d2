// Configs: JSON with comments, NNCF's keys, accuracy-aware settings.

#include <string>

#include "config/compression_config.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  pare::CompressionConfig::parse_text(text, "config.json").status().IgnoreError();
  return 0;
}
