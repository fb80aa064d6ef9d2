#include "tests/fuzz/fuzz_input.h"

#include <sys/mman.h>
#include <unistd.h>

namespace pare::fuzz {

InputFile::InputFile(const uint8_t* data, size_t size) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
  if (descriptor_ < 0) return;
  for (size_t done = 0; done < size;) {
    const ssize_t written = write(descriptor_, data + done, size - done);
    if (written <= 0) return;
    done += static_cast<size_t>(written);
  }
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace pare::fuzz
