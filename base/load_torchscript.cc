#include "base/load_torchscript.h"

#include <torch/csrc/jit/serialization/import.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_archive.h"
#include "base/torch_guard.h"

namespace pare {

absl::StatusOr<torch::jit::Module> load_torchscript(const std::string& path) {
  errno = 0;
  // One handle for the check and for LibTorch: both see the same file.
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const std::string message = absl::StrCat("cannot read ", path, ": ", std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
    if (errno == EACCES || errno == EPERM) return absl::PermissionDeniedError(message);
    return absl::InvalidArgumentError(message);
  }
  const auto unreadable = [&](const absl::Status& why) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        " cannot be read as TorchScript: it is not a TorchScript file (torch.jit.save writes one, torch.save "
        "something else), or one that is damaged: ",
        std::string(why.message())));
  };
  if (file.peek() == std::ifstream::traits_type::eof()) {
    return unreadable(absl::InvalidArgumentError("it is empty or a folder"));
  }
  absl::Status checked;
  PARE_RETURN_IF_ERROR(guard_torch(path, [&] { checked = check_torch_archive(file, path, TorchArchive::kScript); }));
  if (checked.code() == absl::StatusCode::kInvalidArgument) return unreadable(checked);
  PARE_RETURN_IF_ERROR(checked);
  auto module = guard_torch(path, [&] { return torch::jit::load(file, c10::Device(c10::kCPU)); });
  if (module.ok() || module.status().code() == absl::StatusCode::kResourceExhausted) return module;
  const std::string message(module.status().message());
  if (absl::StrContains(message, "Unknown builtin op") || absl::StrContains(message, "Unknown type name")) {
    return absl::UnimplementedError(absl::StrCat(
        message, "\nload the library that adds this operator before the import, or trace the model without it"));
  }
  return unreadable(module.status());
}

}  // namespace pare
