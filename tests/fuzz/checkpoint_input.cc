#include "tests/fuzz/checkpoint_input.h"

#include <string>

#include "absl/status/status.h"
#include "tests/fuzz/fuzz_input.h"

namespace pare::fuzz {

absl::StatusOr<training::Checkpoint> load_checkpoint_input(std::string_view input) {
  if (input.empty()) return absl::InvalidArgumentError("an input begins with \"h\" or \"c\", this one is empty");
  const std::string_view bytes = input.substr(1);
  const std::string content = input[0] == 'h' ? std::string(bytes) : training::with_checkpoint_header(bytes);
  const InputFile file(reinterpret_cast<const uint8_t*>(content.data()), content.size());
  return training::load_checkpoint(file.path());
}

}  // namespace pare::fuzz
