// base/torch_archive.h: refuses a file that LibTorch must not open, before it opens it.
//
//   std::ifstream file(path, std::ios::binary);
//   PARE_RETURN_IF_ERROR(check_torch_archive(file, path, TorchArchive::kScript));
//   torch::jit::Module module = torch::jit::load(file, c10::kCPU);
//
// torch::jit::load() does more than read: it runs the method __setstate__ of a class in the file, and what stands for a
// default argument's value, with any operator; it lets custom C++ classes read bytes of the file; it takes sizes as the
// file gives them, and reads tensors beyond the end of what is there. check_torch_archive() refuses what would make it
// do so (base/zip_directory.h, base/script_check.h, base/pickle_check.h), and
//   - the format of before PyTorch 1.4 ("model.json"), and that of the mobile runtime;
//   - records among the code that are none.
// The file is at its beginning afterwards.

#ifndef PARE_BASE_TORCH_ARCHIVE_H_
#define PARE_BASE_TORCH_ARCHIVE_H_

#include <istream>
#include <string>

#include "absl/status/status.h"

namespace pare {

enum class TorchArchive {
  kScript,   // torch::jit::load(), torch::serialize::InputArchive
  kTensors,  // torch::jit::pickle_load(): tensors, numbers, texts and containers
};

// Beginning with `what`: InvalidArgument for what is damaged, Unimplemented for what is whole and not opened all the
// same (__setstate__, custom classes, old formats). Throws std::bad_alloc where there is no memory for what it reads:
// to be called within guard_torch().
absl::Status check_torch_archive(std::istream& file, const std::string& what, TorchArchive kind);

}  // namespace pare

#endif  // PARE_BASE_TORCH_ARCHIVE_H_
