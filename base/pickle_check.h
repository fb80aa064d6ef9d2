// base/pickle_check.h: refuses a pickle that LibTorch's unpickler should not run.
//
//   PARE_RETURN_IF_ERROR(check_pickle(bytes, {.may_have_classes = true, .record_size = ...}, "model.pt: data.pkl"));
//
// A pickle is a program for a machine with a stack. LibTorch's knows few instructions, but trusts what they say: a
// tensor may claim more memory than its record has, an index may be forged, a value may contain itself. This walks
// through the program as the unpickler would, makes nothing, and refuses
//   - an instruction, or a callable (GLOBAL), that LibTorch's own writer does not use for tensors, numbers, texts,
//     lists, tuples, dicts and objects of TorchScript classes: custom C++ classes (torch.classes), references to other
//     processes (torch.distributed.rpc) and sparse tensors are refused;
//   - a tensor that reaches beyond its storage, or a storage larger than the record that holds it;
//   - a storage that is read more than once, or a quantized tensor without a scale for each channel;
//   - names, keys of storages and texts of types that LibTorch would read as something else: a NUL ends the name of a
//     record, an operator makes an expression of a type;
//   - objects of enums, for which LibTorch may push nothing;
//   - values nested more than 100 deep, or in themselves, and programs of more than 16 million instructions.

#ifndef PARE_BASE_PICKLE_CHECK_H_
#define PARE_BASE_PICKLE_CHECK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pare {

struct PickleRules {
  // Whether objects of the file's own TorchScript classes may be in it.
  bool may_have_classes = false;
  // The file's classes that derive from Enum, without the names of their modules.
  std::set<std::string> enum_classes = {};
  // The size in bytes of the record with a storage's contents, by the storage's key; nullopt: there is none.
  std::function<std::optional<uint64_t>(const std::string& key)> record_size;
};

// Beginning with `what`: Unimplemented for a callable that is not one of those and for an enum, InvalidArgument for all
// else.
absl::Status check_pickle(std::string_view bytes, const PickleRules& rules, std::string_view what);

}  // namespace pare

#endif  // PARE_BASE_PICKLE_CHECK_H_
