// base/script_check.h: refuses TorchScript code that would do something while LibTorch opens it.
//
//   PARE_ASSIGN_OR_RETURN(const ScriptCheck code, check_script(text, "net.pt: code/__torch__.py"));
//
// torch::jit::load() compiles the code of a file and runs none of it, with three exceptions, and with each all of
// LibTorch's operators are at hand (torch/csrc/jit/serialization/import_source.cpp):
//   - the method __setstate__ of a class of which the file has an object;
//   - the default value of an argument, whatever expression it is;
//   - the value of a class's constant (Final[...]), and of a NamedTuple's field.
// So there may be no method of that name, and a value must be a literal: numbers, texts, True, False, None, inf, nan,
// lists, tuples and dictionaries of them, annotate(TYPE, literal), float("inf"), torch.device("cpu"), and names of the
// file's own (__torch__.Colour.RED). "CONSTANTS.c0" is none: it may be an object whose operators are the file's own
// code. A NamedTuple's field may have no default at all.
//
// Besides, the code must have the form in which LibTorch writes it (base/script_lexer.h): a file's code is functions
// and classes; a class has attributes, constants and methods. Anything else is refused, as are class constants without
// a type, with which LibTorch 1.13 crashes, and what is nested so deeply that LibTorch's parser would run out of stack.

#ifndef PARE_BASE_SCRIPT_CHECK_H_
#define PARE_BASE_SCRIPT_CHECK_H_

#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pare {

struct ScriptCheck {
  // The names, without their modules, of the classes that derive from Enum (see PickleRules::enum_classes).
  std::set<std::string> enum_classes;
};

// Beginning with `what` and with the line: InvalidArgument for code that LibTorch does not write, Unimplemented for
// what it may have written and is not opened all the same.
absl::StatusOr<ScriptCheck> check_script(std::string_view text, const std::string& what);

}  // namespace pare

#endif  // PARE_BASE_SCRIPT_CHECK_H_
