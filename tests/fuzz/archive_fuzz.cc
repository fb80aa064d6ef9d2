// What may be of a file that LibTorch reads: the zip directory, pickles, tables of source places, the text of code. The
// first byte says which.

#include <sstream>
#include <string>

#include "base/debug_ranges_check.h"
#include "base/pickle_check.h"
#include "base/script_check.h"
#include "base/torch_archive.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::istringstream file(bytes);
  switch (data[0]) {
    case 's':
      pare::check_torch_archive(file, "input", pare::TorchArchive::kScript).IgnoreError();
      break;
    case 't':
      pare::check_torch_archive(file, "input", pare::TorchArchive::kTensors).IgnoreError();
      break;
    case 'd':
      pare::check_debug_ranges(bytes, "input").IgnoreError();
      break;
    case 'c':
      pare::check_script(bytes, "input").status().IgnoreError();
      break;
    default:
      pare::check_pickle(bytes,
                         {.may_have_classes = true,
                          .record_size = [](const std::string& key) { return std::optional<uint64_t>(key.size()); }},
                         "input")
          .IgnoreError();
  }
  return 0;
}
