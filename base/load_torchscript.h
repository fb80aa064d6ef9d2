// base/load_torchscript.h: opens a TorchScript file that may come from anywhere.
//
//   PARE_ASSIGN_OR_RETURN(torch::jit::Module module, load_torchscript("resnet20.pt"));
//
// torch::jit::load() on the CPU, after check_torch_archive() has passed the file: nothing of it is executed.

#ifndef PARE_BASE_LOAD_TORCHSCRIPT_H_
#define PARE_BASE_LOAD_TORCHSCRIPT_H_

#include <torch/csrc/jit/api/module.h>

#include <string>

#include "absl/status/statusor.h"

namespace pare {

// NotFound, PermissionDenied: it cannot be read. InvalidArgument: no TorchScript, damaged, or refused by the check;
// with what LibTorch threw. Unimplemented: it needs an operator or a class that LibTorch does not know.
// ResourceExhausted.
absl::StatusOr<torch::jit::Module> load_torchscript(const std::string& path);

}  // namespace pare

#endif  // PARE_BASE_LOAD_TORCHSCRIPT_H_
