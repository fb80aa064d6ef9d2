// CIFAR-10's binary batches, of two images.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "data/cifar10.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

// A folder of this process, removed at its end.
struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "pare_cifar_fuzz_XXXXXX").string();
  Folder() {
    if (mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  const pare::fuzz::InputFile file(data, size);
  const std::string batch = folder.path + "/test_batch.bin";
  unlink(batch.c_str());
  if (symlink(file.path().c_str(), batch.c_str()) != 0) return 0;
  pare::data::read_cifar10({.dir = folder.path, .split = pare::data::Split::kTest, .images_per_file = 2})
      .status()
      .IgnoreError();
  return 0;
}
