// TorchScript files: opened, imported, and called once.

#include <ATen/ops/ones.h>

#include "graph/import.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const pare::fuzz::InputFile file(data, size);
  const auto model = pare::graph::import_torchscript(file.path(), {});
  if (model.ok()) (*model)->forward_tensor({at::ones({1, 4})}).status().IgnoreError();
  return 0;
}
