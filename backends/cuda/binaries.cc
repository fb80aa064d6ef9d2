#include "backends/cuda/binaries.h"

#include "base/cache_file.h"
#include "base/status_macros.h"

namespace pare::backends::cuda {

absl::StatusOr<std::string> Binaries::make(const Source& source, ElementType element, int architecture) {
  if (folder_.empty()) return compile(nvrtc_, source, element, architecture);
  PARE_ASSIGN_OR_RETURN(const std::string identity, compilation_identity(nvrtc_, source, element, architecture));
  const std::string path = cache_path(folder_, "cuda", identity);
  std::string binary = read_cache(path, identity);
  if (!binary.empty()) return binary;
  PARE_ASSIGN_OR_RETURN(binary, compile(nvrtc_, source, element, architecture));
  write_cache(path, identity, binary);
  return binary;
}

absl::StatusOr<const std::string*> Binaries::get(const Source& source, ElementType element, int architecture) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto key = std::make_tuple(&source, element, architecture);
  auto found = binaries_.find(key);
  if (found == binaries_.end()) found = binaries_.emplace(key, make(source, element, architecture)).first;
  PARE_RETURN_IF_ERROR(found->second.status());
  return &*found->second;
}

}  // namespace pare::backends::cuda
